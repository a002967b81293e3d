// The network, layer by layer, under the names of the PyTorch model. Written by gencpp.
// A layer finds its weights by its name: those of conv1 are conv1.weight and conv1.bias.
#include "network/trt_layers.hpp"

namespace sample::trt {

void define_layers(Layers& net) {
  ITensor* x = net.input("digit");  // Nx1x28x28

  // conv1 to prob: Nx1x28x28 -> Nx10
  x = net.convolution(x, "conv1");
  x = net.max_pool(x, "pool1", Window(2).stride(2));
  x = net.convolution(x, "conv2");
  x = net.max_pool(x, "pool2", Window(2).stride(2));
  x = net.reshape(x, "reshape", Dims{0, 800});
  x = net.linear(x, "fc1");
  x = net.relu(x, "relu");
  x = net.linear(x, "fc2");
  x = net.softmax(x, "prob", 1);

  net.output(x, "out");
}

}  // namespace sample::trt
