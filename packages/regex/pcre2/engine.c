/* The functions of the WebAssembly module: PCRE2 with a step counter. Built by build.sh.

Every edge of PCRE2's control flow calls __sanitizer_cov_trace_pc (clang's -fsanitize-coverage), which counts steps.
PCRE2's own match limit does not do: it counts backtracking points, so that `a*[bc]` on 50,000 times `a` takes a second
without ever reaching it, and it does not cover the compiler. When the steps are used up the module traps, and the
instance is thrown away: whatever PCRE2 held at that moment goes with it. */

#include <stddef.h>
#include <stdint.h>
#include "pcre2.h"

#define EXPORT(name) __attribute__((export_name(#name)))

void *malloc(size_t);
void free(void *);

static int32_t steps_left;

static inline void spend(int32_t steps) {
  if ((steps_left -= steps) < 0) __builtin_trap();
}

void __sanitizer_cov_trace_pc(void) { spend(1); }

EXPORT(allow) void allow(int32_t steps) { steps_left = steps; }
EXPORT(left) int32_t left(void) { return steps_left; }

/* In the place of the C library's: what they do for long blocks costs steps, too. A frame of the matcher that is copied
at each backtracking point has 16 octets per group. */

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
  spend(n >> 5);
  return __builtin_memcpy(to, from, n);
}

void *memmove(void *to, const void *from, size_t n) {
  spend(n >> 5);
  return __builtin_memmove(to, from, n);
}

void *memset(void *to, int octet, size_t n) {
  spend(n >> 5);
  return __builtin_memset(to, octet, n);
}

void *memchr(const void *block, int octet, size_t n) {
  const uint8_t *p = block;
  const uint8_t *end = p + n;
  while (p < end && *p != (uint8_t)octet) p++;
  spend((p - (const uint8_t *)block) >> 2);
  return p < end ? (void *)p : NULL;
}

int memcmp(const void *a, const void *b, size_t n) {
  const uint8_t *p = a, *q = b;
  size_t i = 0;
  while (i < n && p[i] == q[i]) i++;
  spend(i >> 2);
  return i < n ? p[i] - q[i] : 0;
}

/* Memory of the caller: patterns, subjects, texts. */

EXPORT(allocate) void *allocate(size_t n) { return malloc(n); }
EXPORT(release) void release(void *block) { free(block); }

/* One pattern. NULL: see error_code, error_offset. */

static int code_of_error;
static size_t offset_of_error;

EXPORT(compile) pcre2_code *compile(const uint8_t *pattern, size_t n, uint32_t options) {
  return pcre2_compile(pattern, n, options, &code_of_error, &offset_of_error, NULL);
}

EXPORT(error_code) int error_code(void) { return code_of_error; }
EXPORT(error_offset) size_t error_offset(void) { return offset_of_error; }
EXPORT(error_text) int error_text(int code, uint8_t *text, size_t n) { return pcre2_get_error_message(code, text, n); }

EXPORT(group_count) uint32_t group_count(const pcre2_code *code) {
  uint32_t count = 0;
  pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count);
  return count;
}

EXPORT(code_size) size_t code_size(const pcre2_code *code) {
  size_t size = 0;
  pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
  return size;
}

/* One match. The result is PCRE2's: 1 + the highest group that is set, or a negative error. */

static pcre2_match_data *match_data;
static uint32_t match_pairs;
static pcre2_match_context *match_context;

static int make_room(uint32_t groups, uint32_t heap_limit_kib) {
  if (match_context == NULL && (match_context = pcre2_match_context_create(NULL)) == NULL) return 0;
  pcre2_set_heap_limit(match_context, heap_limit_kib);
  pcre2_set_match_limit(match_context, UINT32_MAX);
  pcre2_set_depth_limit(match_context, UINT32_MAX);
  pcre2_match_data_free(match_data);
  match_pairs = groups < 9 ? 10 : groups + 1;
  match_data = pcre2_match_data_create(match_pairs, NULL);
  if (match_data == NULL) match_pairs = 0;
  return match_data != NULL;
}

EXPORT(match)
int match(const pcre2_code *code, uint32_t groups, const uint8_t *subject, size_t n, size_t from, uint32_t options,
          uint32_t heap_limit_kib) {
  if (match_pairs <= groups && !make_room(groups, heap_limit_kib)) return PCRE2_ERROR_NOMEMORY;
  return pcre2_match(code, subject, n, from, options, match_data, match_context);
}

/* Pairs of start and end; ~0 where a group is not set. */
EXPORT(offsets) size_t *offsets(void) { return pcre2_get_ovector_pointer(match_data); }
