#!/bin/sh
# Makes src/pcre2-module.ts from PCRE2's source and engine.c: the compiled WebAssembly module as text.
#
#   packages/regex/pcre2/build.sh [FOLDER]      FOLDER holds pcre2-10.42.tar.gz or takes Debian's copy of it
#
# Needed on Debian 12: clang-16 lld-16 wasi-libc libclang-rt-16-dev-wasm32. The same tools give the same octets.
# PCRE2's version is that of Debian 12's Exim, so that both understand the same patterns and report the same errors.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
archive=$work/pcre2-10.42.tar.gz
target=--target=wasm32-wasi

if [ ! -f "$archive" ]; then
  (cd "$work" && apt-get source --download-only pcre2=10.42-1)
  cp "$work/pcre2_10.42.orig.tar.gz" "$archive"
fi
echo "c33b418e3b936ee3153de2c61cc638e7e4fe3156022a5c77d0711bcbb9d64f1f  $archive" | sha256sum --check --quiet

rm -rf "$work/pcre2-10.42" "$work/objects"
tar -xzf "$archive" -C "$work"
mkdir "$work/objects"
cd "$work/pcre2-10.42/src"
cp config.h.generic config.h
cp pcre2.h.generic pcre2.h
cp pcre2_chartables.c.dist pcre2_chartables.c

# The defaults of PCRE2's configure script, as Debian builds it, without the parts that need machine code.
flags="$target -Os -DPCRE2_CODE_UNIT_WIDTH=8 -DPCRE2_STATIC -I."
config="-DHAVE_CONFIG_H -DSUPPORT_PCRE2_8 -DSUPPORT_UNICODE -DHAVE_MEMMOVE -DHAVE_LIMITS_H -DHAVE_INTTYPES_H
  -DHAVE_STDINT_H -DHAVE_STDLIB_H -DHAVE_STRING_H -DNDEBUG"
for part in auto_possess chartables compile config context error extuni find_bracket match match_data newline ord2utf \
  pattern_info script_run string_utils study tables ucd valid_utf xclass; do
  # shellcheck disable=SC2086
  clang-16 $flags $config -fsanitize-coverage=edge,trace-pc -c "pcre2_$part.c" -o "$work/objects/$part.o"
done
# -mbulk-memory: memcpy becomes one instruction here, and a counted call in PCRE2.
# shellcheck disable=SC2086
clang-16 $flags -mbulk-memory -c "$here/engine.c" -o "$work/objects/engine.o"

# --stack-first: a stack that grows too large leaves the memory, and traps.
clang-16 $target -nostartfiles -Wl,--no-entry,--gc-sections,--strip-all,--stack-first,-z,stack-size=524288 \
  -Wl,--max-memory=67108864 "$work"/objects/*.o -o "$work/pcre2.wasm"

{
  echo "/** PCRE2 10.42 (BSD licence: see ../pcre2/LICENCE) as a WebAssembly module in base64. Made by ../pcre2/build.sh. */"
  printf 'export const PCRE2_MODULE =\n  "%s";\n' "$(base64 -w0 "$work/pcre2.wasm")"
} >"$here/../src/pcre2-module.ts"
