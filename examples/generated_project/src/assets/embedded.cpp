#include "assets/embedded.hpp"

#if defined(SAMPLE_EMBED_ASSETS)

#include "embedded_files.hpp"  // cmake/embed.cmake writes it

#if defined(__APPLE__)
#define SAMPLE_SYMBOL(x) "_" x
#define SAMPLE_SECTION ".const_data\n"
#define SAMPLE_SECTION_END ".text\n"
#else
#define SAMPLE_SYMBOL(x) x
#define SAMPLE_SECTION ".pushsection .rodata\n"
#define SAMPLE_SECTION_END ".popsection\n"
#endif

// The assembler reads the file: no compiler has to parse a hundred megabytes of literals.
// ccache:disable, since it does not look at what the assembler reads.
#define SAMPLE_LABEL(symbol) ".globl " SAMPLE_SYMBOL(symbol) "\n" SAMPLE_SYMBOL(symbol) ":\n"
#define SAMPLE_BYTES(path) ".incbin " path "\n"
#define SAMPLE_BEGIN(symbol) SAMPLE_SECTION ".balign 64\n" SAMPLE_LABEL(symbol)
#define SAMPLE_END(symbol) SAMPLE_LABEL(symbol) ".byte 0\n" SAMPLE_SECTION_END
#define SAMPLE_EMBED(symbol, path) \
  __asm__(SAMPLE_BEGIN(#symbol) SAMPLE_BYTES(path) SAMPLE_END(#symbol "_end"))

extern "C" {
extern const unsigned char sample_embedded_artifact[];
extern const unsigned char sample_embedded_artifact_end[];
extern const unsigned char sample_embedded_labels[];
extern const unsigned char sample_embedded_labels_end[];
}
SAMPLE_EMBED(sample_embedded_artifact, SAMPLE_ARTIFACT_PATH);
SAMPLE_EMBED(sample_embedded_labels, SAMPLE_LABELS_PATH);

namespace sample {

EmbeddedFile embedded_file(std::string_view name) noexcept {
  if (name == SAMPLE_ARTIFACT_FILE) {
    return {sample_embedded_artifact,
        static_cast<std::size_t>(sample_embedded_artifact_end - sample_embedded_artifact)};
  }
  if (name == SAMPLE_LABELS_FILE) {
    return {sample_embedded_labels,
        static_cast<std::size_t>(sample_embedded_labels_end - sample_embedded_labels)};
  }
  return {};
}

}  // namespace sample

#else

namespace sample {

EmbeddedFile embedded_file(std::string_view /*name*/) noexcept { return {}; }

}  // namespace sample

#endif
