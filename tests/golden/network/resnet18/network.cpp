// The network, layer by layer, under the names of the PyTorch model. Written by gencpp.
// A layer finds its weights by its name: those of conv1 are conv1.weight and conv1.bias.
#include "network/trt_layers.hpp"

#include <cstdint>
#include <string>

namespace sample::trt {
namespace {

// BasicBlock: layer1.0 to layer4.1, 8 times.
// Nx64x56x56 -> Nx64x56x56 in layer1.0
ITensor* basic_block(Layers& net, ITensor* x, const std::string& at, std::int64_t stride, bool downsample) {
  ITensor* y = net.convolution(x, at + ".conv1", Window().stride(stride).padding(1));
  y = net.relu(y, at + ".relu");
  y = net.convolution(y, at + ".conv2", Window().padding(1));
  if (downsample) {
    x = net.convolution(x, at + ".downsample.0", Window().stride(stride));
  }
  x = net.add(y, x, at + "/add");
  return net.relu(x, at + ".relu_1");
}

}  // namespace

void define_layers(Layers& net) {
  ITensor* x = net.input("x");  // Nx3x224x224

  // conv1 to maxpool: Nx3x224x224 -> Nx64x56x56
  x = net.convolution(x, "conv1", Window().stride(2).padding(3));
  x = net.relu(x, "relu");
  x = net.max_pool(x, "maxpool", Window(3).stride(2).padding(1));

  // layer1: Nx64x56x56 -> Nx64x56x56
  x = basic_block(net, x, "layer1.0", 1, /*downsample=*/false);
  x = basic_block(net, x, "layer1.1", 1, /*downsample=*/false);

  // layer2: Nx64x56x56 -> Nx128x28x28
  x = basic_block(net, x, "layer2.0", 2, /*downsample=*/true);
  x = basic_block(net, x, "layer2.1", 1, /*downsample=*/false);

  // layer3: Nx128x28x28 -> Nx256x14x14
  x = basic_block(net, x, "layer3.0", 2, /*downsample=*/true);
  x = basic_block(net, x, "layer3.1", 1, /*downsample=*/false);

  // layer4: Nx256x14x14 -> Nx512x7x7
  x = basic_block(net, x, "layer4.0", 2, /*downsample=*/true);
  x = basic_block(net, x, "layer4.1", 1, /*downsample=*/false);

  // avgpool to fc: Nx512x7x7 -> Nx1000
  x = net.mean(x, "avgpool", Dims{2, 3}, true);
  x = net.reshape(x, "reshape", Dims{0, 512});
  x = net.linear(x, "fc");

  net.output(x, "out");
}

}  // namespace sample::trt
