// The fault double's CUDA runtime: streams, events, graphs. Streams do nothing until somebody waits for
// them: a missing wait shows as old outputs.
#include "fake_cuda.hpp"

#include <utility>

namespace gencpp_double {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

void check_event(cudaEvent_t event) {
  const std::lock_guard lock(world().mutex);
  if (world().events.count(event) == 0) {
    violation("an event was used that does not exist (any more)");
  }
}

cudaError_t lose(CUstream_st& stream) {
  stream.capture_lost = true;
  return answer(cudaErrorStreamCaptureUnsupported);
}

}  // namespace

std::shared_ptr<CUstream_st> stream_of(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) {
    return world().legacy;
  }
  const std::lock_guard lock(world().mutex);
  const auto found = world().streams.find(handle);
  if (found == world().streams.end()) {
    violation("a stream was used that does not exist (any more)");
  }
  return found->second;
}

void run_until(CUstream_st& stream, std::uint64_t position) {
  while (stream.done.load() < position) {
    std::unique_lock running(stream.run_mutex, std::try_to_lock);
    if (!running) {
      std::this_thread::yield();
      continue;
    }
    while (stream.done.load() < position) {
      Work work;
      {
        const std::lock_guard lock(stream.queue_mutex);
        work = std::move(stream.queue.front());
        stream.queue.pop_front();
      }
      if (broken() == cudaSuccess) {
        work();
      }
      ++stream.done;
    }
  }
}

void run_all() {
  std::vector<std::shared_ptr<CUstream_st>> all;
  {
    const std::lock_guard lock(world().mutex);
    for (const auto& [handle, stream] : world().streams) {
      all.push_back(stream);
    }
  }
  all.push_back(world().legacy);
  for (const auto& stream : all) {
    run_until(*stream, stream->issued.load());
  }
}

std::uint64_t push(CUstream_st& stream, Work work) {
  if (stream.capture) {
    stream.nodes.push_back(std::move(work));
    return 0;
  }
  std::uint64_t position = 0;
  {
    const std::lock_guard lock(stream.queue_mutex);
    stream.queue.push_back(std::move(work));
    position = ++stream.issued;
  }
  static const bool eager = environment("GENCPP_DOUBLE_EAGER", "") == "1";
  if (eager) {
    run_until(stream, position);
  }
  return position;
}

void submit(cudaStream_t stream, std::function<void()> work) { push(*stream_of(stream), std::move(work)); }

void drain(cudaStream_t stream) {
  const auto s = stream_of(stream);
  run_until(*s, s->issued.load());
}

bool capturing(cudaStream_t stream) { return stream_of(stream)->capture; }

bool breaks_capture() {
  if (thread_mode == cudaStreamCaptureModeRelaxed) {
    return false;
  }
  const std::lock_guard lock(world().mutex);
  bool found = false;
  for (CUstream_st* stream : world().captures) {
    const bool mine = stream->capturer == std::this_thread::get_id() && stream->mode != cudaStreamCaptureModeRelaxed;
    if (mine || stream->mode == cudaStreamCaptureModeGlobal) {
      stream->capture_lost = true;
      found = true;
    }
  }
  return found;
}

}  // namespace gencpp_double

using namespace gencpp_double;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* handle, unsigned int flags) {
  RETURN_IF_BROKEN();
  RETURN_IF_CAPTURING();
  if (faulty("stream_create")) {
    return answer(cudaErrorMemoryAllocation);
  }
  auto stream = std::make_shared<CUstream_st>();
  stream->flags = flags;
  stream->device = current_device();
  *handle = stream.get();
  const std::lock_guard lock(world().mutex);
  world().streams.emplace(*handle, std::move(stream));
  born("cudaStreamCreate");
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* handle) { return cudaStreamCreateWithFlags(handle, 0); }
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* handle, unsigned int flags, int) { return cudaStreamCreateWithFlags(handle, flags); }

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = *greatest = 0;
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  const auto stream = stream_of(handle);
  run_until(*stream, stream->issued.load());
  const std::lock_guard lock(world().mutex);
  world().captures.erase(stream.get());
  world().streams.erase(handle);
  died("cudaStreamCreate");
  return answer(broken());
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  RETURN_IF_BROKEN();
  const auto stream = stream_of(handle);
  if (stream->capture) {
    return lose(*stream);
  }
  run_until(*stream, stream->issued.load());
  if (faulty("stream_synchronize")) {
    return answer(cudaErrorLaunchFailure);
  }
  return answer(broken());
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  RETURN_IF_BROKEN();
  const auto stream = stream_of(handle);
  if (stream->capture) {
    return lose(*stream);
  }
  const bool ready = stream->done.load() == stream->issued.load();
  run_until(*stream, stream->issued.load());  // somebody polls: the next answer is another
  return ready ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize() {
  RETURN_IF_BROKEN();
  RETURN_IF_CAPTURING();
  run_all();
  return answer(broken());
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  RETURN_IF_BROKEN();
  submit(stream, [=] { function(data); });
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  RETURN_IF_BROKEN();
  if (faulty("event_create")) {
    return answer(cudaErrorMemoryAllocation);
  }
  *event = new CUevent_st;
  (*event)->flags = flags;
  const std::lock_guard lock(world().mutex);
  world().events.insert(*event);
  born("cudaEventCreate");
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  check_event(event);
  {
    const std::lock_guard lock(world().mutex);
    world().events.erase(event);
  }
  if (event->stream != nullptr) {
    run_until(*event->stream, event->position);
  }
  delete event;
  died("cudaEventCreate");
  return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t handle, unsigned int) {
  RETURN_IF_BROKEN();
  check_event(event);
  const auto stream = stream_of(handle);
  const std::uint64_t position = push(*stream, [event] {
    const std::lock_guard lock(event->mutex);
    event->time = Clock::now();
  });
  const std::lock_guard lock(event->mutex);
  event->stream = stream;
  event->position = position;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) { return cudaEventRecordWithFlags(event, stream, 0); }

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  RETURN_IF_BROKEN();
  check_event(event);
  if (event->stream != nullptr) {
    run_until(*event->stream, event->position);
  }
  return answer(broken());
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  RETURN_IF_BROKEN();
  check_event(event);
  if (event->stream == nullptr || event->stream->done.load() >= event->position) {
    return cudaSuccess;
  }
  run_until(*event->stream, event->position);
  return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  RETURN_IF_BROKEN();
  for (cudaEvent_t event : {start, end}) {
    check_event(event);
    if ((event->flags & cudaEventDisableTiming) != 0 || event->stream == nullptr) {
      return answer(cudaErrorInvalidResourceHandle);
    }
    if (event->stream->done.load() < event->position) {
      return cudaErrorNotReady;
    }
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  RETURN_IF_BROKEN();
  check_event(event);
  if (event->stream != nullptr) {
    submit(stream, [other = event->stream, position = event->position] { run_until(*other, position); });
  }
  return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  std::swap(*mode, thread_mode);
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  RETURN_IF_BROKEN();
  const auto stream = stream_of(handle);
  if (handle == nullptr || faulty("begin_capture")) {
    return answer(cudaErrorStreamCaptureUnsupported);
  }
  if (stream->capture) {
    return answer(cudaErrorIllegalState);
  }
  note("capture");
  stream->capture = true;
  stream->capture_lost = false;
  stream->mode = mode;
  stream->capturer = std::this_thread::get_id();
  const std::lock_guard lock(world().mutex);
  world().captures.insert(stream.get());
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  *status = capturing(stream) ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  *graph = nullptr;
  const auto stream = stream_of(handle);
  if (!stream->capture) {
    return answer(cudaErrorIllegalState);
  }
  if (stream->mode != cudaStreamCaptureModeRelaxed && stream->capturer != std::this_thread::get_id()) {
    return answer(cudaErrorStreamCaptureWrongThread);
  }
  {
    const std::lock_guard lock(world().mutex);
    world().captures.erase(stream.get());
  }
  stream->capture = false;
  std::vector<Work> nodes = std::move(stream->nodes);
  stream->nodes.clear();
  if (stream->capture_lost || faulty("end_capture")) {
    return answer(cudaErrorStreamCaptureInvalidated);
  }
  *graph = new CUgraph_st{std::move(nodes)};
  born("cudaGraph");
  return cudaSuccess;
}

#if CUDART_VERSION >= 12000
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* instance, cudaGraph_t graph, unsigned long long) {
#else
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* instance, cudaGraph_t graph, cudaGraphNode_t*, char*, size_t) {
#endif
  *instance = nullptr;
  RETURN_IF_BROKEN();
  if (faulty("graph_instantiate")) {
    return answer(cudaErrorMemoryAllocation);
  }
  *instance = new CUgraphExec_st{std::make_shared<const std::vector<Work>>(graph->nodes)};
  born("cudaGraphExec");
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* instance, cudaGraph_t graph, unsigned long long) {
  RETURN_IF_BROKEN();
  if (faulty("graph_instantiate")) {
    return answer(cudaErrorMemoryAllocation);
  }
  *instance = new CUgraphExec_st{std::make_shared<const std::vector<Work>>(graph->nodes)};
  born("cudaGraphExec");
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return answer(broken()); }

cudaError_t cudaGraphLaunch(cudaGraphExec_t instance, cudaStream_t stream) {
  RETURN_IF_BROKEN();
  if (faulty("graph_launch")) {
    return answer(cudaErrorLaunchFailure);
  }
  note("graph_launch");
  submit(stream, [nodes = instance->nodes] {
    for (const Work& node : *nodes) {
      node();
    }
  });
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t instance) {
  delete instance;
  died("cudaGraphExec");
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  died("cudaGraph");
  return cudaSuccess;
}

}  // extern "C"
