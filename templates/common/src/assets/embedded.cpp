#include "assets/embedded.hpp"

#if defined({= NAME =}_EMBED_ASSETS)

#include "embedded_files.hpp"  // cmake/embed.cmake writes it

#if defined(__APPLE__)
#define {= NAME =}_SYMBOL(x) "_" x
#define {= NAME =}_SECTION ".const_data\n"
#define {= NAME =}_SECTION_END ".text\n"
#else
#define {= NAME =}_SYMBOL(x) x
#define {= NAME =}_SECTION ".pushsection .rodata\n"
#define {= NAME =}_SECTION_END ".popsection\n"
#endif

// The assembler reads the file: no compiler has to parse a hundred megabytes of literals.
// ccache:disable, since it does not look at what the assembler reads.
#define {= NAME =}_LABEL(symbol) ".globl " {= NAME =}_SYMBOL(symbol) "\n" {= NAME =}_SYMBOL(symbol) ":\n"
#define {= NAME =}_BYTES(path) ".incbin " path "\n"
#define {= NAME =}_BEGIN(symbol) {= NAME =}_SECTION ".balign 64\n" {= NAME =}_LABEL(symbol)
#define {= NAME =}_END(symbol) {= NAME =}_LABEL(symbol) ".byte 0\n" {= NAME =}_SECTION_END
#define {= NAME =}_EMBED(symbol, path) \
  __asm__({= NAME =}_BEGIN(#symbol) {= NAME =}_BYTES(path) {= NAME =}_END(#symbol "_end"))

extern "C" {
extern const unsigned char {= name =}_embedded_artifact[];
extern const unsigned char {= name =}_embedded_artifact_end[];
extern const unsigned char {= name =}_embedded_labels[];
extern const unsigned char {= name =}_embedded_labels_end[];
}
{= NAME =}_EMBED({= name =}_embedded_artifact, {= NAME =}_ARTIFACT_PATH);
{= NAME =}_EMBED({= name =}_embedded_labels, {= NAME =}_LABELS_PATH);

namespace {= name =} {

EmbeddedFile embedded_file(std::string_view name) noexcept {
  if (name == {= NAME =}_ARTIFACT_FILE) {
    return {{= name =}_embedded_artifact,
        static_cast<std::size_t>({= name =}_embedded_artifact_end - {= name =}_embedded_artifact)};
  }
  if (name == {= NAME =}_LABELS_FILE) {
    return {{= name =}_embedded_labels,
        static_cast<std::size_t>({= name =}_embedded_labels_end - {= name =}_embedded_labels)};
  }
  return {};
}

}  // namespace {= name =}

#else

namespace {= name =} {

EmbeddedFile embedded_file(std::string_view /*name*/) noexcept { return {}; }

}  // namespace {= name =}

#endif
