/* A stand-in for libedgetpu.so.1: it runs *_edgetpu.tflite models through the runtime's own delegate interface and
 * can be slow, absent, lost, hung or crashing, changed while it runs. Plain C, without TensorFlow's headers.
 *
 *   cc -std=c11 -O2 -Wall -Wextra -shared -fPIC -o libedgetpu.so stand_in_edgetpu.c
 *
 * It computes nothing: a score is the byte of the picture at its place, so that a model whose scores are its pixels
 * says the same on the CPU; or `class=N,score=S`: score N is S, the others are 0.
 *
 * Options come from load_delegate, over those from $STAND_IN_EDGETPU, and over both from the file that
 * $STAND_IN_EDGETPU_FILE names, which is read at every opening and every inference:
 *   mode=claim        takes every operation that was compiled for the Edge TPU
 *        nop          takes none
 *        nodevice     there is no device: opening fails, an inference too
 *        lost         every inference fails
 *        refuse       takes no model
 *        garbage      every byte of the scores is 255
 *        segv, abort  crashes at the next opening or inference
 *   open_ms=D         opening takes so long
 *   delay_ms=D        each inference takes so long
 *   fail_after=K      the device is lost after K inferences
 *   device=NAME       with `only=NAME` too: there is no other device than the one named by `only`
 *
 * The structures restate the part of TensorFlow Lite's common.h that is needed; fields are only ever appended there. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int Status; /* 0 ok, 1 error */

typedef struct {
  int size;
  int data[];
} IntArray;

typedef struct Context Context;
typedef struct Delegate Delegate;

typedef struct {
  int type;
  void *data;
  IntArray *dims;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  Delegate *delegate;
  int handle;
  bool stale, variable;
  struct {
    int type;
    void *params;
  } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;

typedef struct {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data;
  void *builtin_data;
  const void *custom_data;
  int custom_size;
  Delegate *delegate;
  bool might_have_side_effect;
} Node;

typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  Status (*prepare)(Context *, Node *);
  Status (*invoke)(Context *, Node *);
  const char *(*profiling)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *external;
  void *async_kernel;
  uint64_t inplace;
} Registration;

struct Context {
  size_t tensors_size;
  Status (*get_execution_plan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  Status (*resize_tensor)(Context *, Tensor *, IntArray *);
  void (*report_error)(Context *, const char *, ...);
  Status (*add_tensors)(Context *, int, int *);
  Status (*get_node)(Context *, int, Node **, Registration **);
  Status (*replace_nodes)(Context *, Registration, const IntArray *, Delegate *);
};

struct Delegate {
  void *data;
  Status (*prepare)(Context *, Delegate *);
  Status (*copy_from)(Context *, Delegate *, int, Tensor *);
  Status (*copy_to)(Context *, Delegate *, int, Tensor *);
  void (*free_handle)(Context *, Delegate *, int *);
  int64_t flags;
  void *opaque_builder;
};

enum { ALLOW_DYNAMIC_TENSORS = 1 };

typedef struct {
  Delegate delegate;
  char mode[16], device[16], only[16];
  int class_number, score, open_ms, delay_ms, fail_after, inferences;
} StandIn;

static void copy_text(char *target, size_t size, const char *text) { snprintf(target, size, "%s", text); }

static void set_option(StandIn *s, const char *key, const char *value) {
  if (!strcmp(key, "mode")) copy_text(s->mode, sizeof s->mode, value);
  else if (!strcmp(key, "device")) copy_text(s->device, sizeof s->device, value);
  else if (!strcmp(key, "only")) copy_text(s->only, sizeof s->only, value);
  else if (!strcmp(key, "class")) s->class_number = atoi(value);
  else if (!strcmp(key, "score")) s->score = atoi(value);
  else if (!strcmp(key, "open_ms")) s->open_ms = atoi(value);
  else if (!strcmp(key, "delay_ms")) s->delay_ms = atoi(value);
  else if (!strcmp(key, "fail_after")) s->fail_after = atoi(value);
}

static void set_options(StandIn *s, const char *text) {
  char *copy = strdup(text), *rest = NULL;
  for (char *part = copy ? strtok_r(copy, ",\n", &rest) : NULL; part; part = strtok_r(NULL, ",\n", &rest)) {
    char *equals = strchr(part, '=');
    if (!equals) continue;
    *equals = 0;
    set_option(s, part, equals + 1);
  }
  free(copy);
}

static void read_file(StandIn *s) {
  const char *name = getenv("STAND_IN_EDGETPU_FILE");
  FILE *file = name ? fopen(name, "r") : NULL;
  if (file) {
    char text[256];
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    set_options(s, text);
  }
  if (!strcmp(s->mode, "segv")) raise(SIGSEGV);
  if (!strcmp(s->mode, "abort")) abort();
}

static void nap(int ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
  if (ms > 0) nanosleep(&time, NULL);
}

static bool is_there(const StandIn *s) {
  return strcmp(s->mode, "nodevice") && (!*s->only || !*s->device || !strcmp(s->only, s->device));
}

static void *kernel_init(Context *context, const char *buffer, size_t length) {
  (void)context, (void)length;
  return ((Delegate *const *)(const void *)buffer)[0]->data;
}

static void kernel_free(Context *context, void *data) { (void)context, (void)data; }

static Status kernel_prepare(Context *context, Node *node) {
  (void)context, (void)node;
  return 0;
}

static void write_scores(const StandIn *s, const Tensor *picture, Tensor *scores) {
  uint8_t *bytes = scores->data;
  if (!strcmp(s->mode, "garbage")) {
    memset(bytes, 255, scores->bytes);
    return;
  }
  memset(bytes, 0, scores->bytes);
  if (s->class_number < 0) memcpy(bytes, picture->data, picture->bytes < scores->bytes ? picture->bytes : scores->bytes);
  else if ((size_t)s->class_number < scores->bytes) bytes[s->class_number] = (uint8_t)s->score;
}

static Status kernel_invoke(Context *context, Node *node) {
  StandIn *s = node->user_data;
  read_file(s);
  nap(s->delay_ms);
  if (!is_there(s) || !strcmp(s->mode, "lost") || (s->fail_after >= 0 && s->inferences >= s->fail_after)) {
    context->report_error(context, "stand-in: the device is gone after %d inferences", s->inferences);
    return 1;
  }
  s->inferences++;
  for (int i = 0; i < node->outputs->size; i++)
    write_scores(s, &context->tensors[node->inputs->data[0]], &context->tensors[node->outputs->data[i]]);
  return 0;
}

static Status delegate_prepare(Context *context, Delegate *delegate) {
  const StandIn *s = delegate->data;
  if (!strcmp(s->mode, "refuse")) {
    context->report_error(context, "stand-in: the model is refused");
    return 1;
  }
  if (!strcmp(s->mode, "nop")) return 0;
  IntArray *plan;
  if (context->get_execution_plan(context, &plan)) return 1;
  IntArray *taken = calloc(1, sizeof *taken + sizeof(int) * (size_t)plan->size);
  if (!taken) return 1;
  for (int i = 0; i < plan->size; i++) {
    Node *node;
    Registration *operation;
    if (context->get_node(context, plan->data[i], &node, &operation)) {
      free(taken);
      return 1;
    }
    if (operation->custom_name && !strcmp(operation->custom_name, "edgetpu-custom-op"))
      taken->data[taken->size++] = plan->data[i];
  }
  Registration kernel = {.init = kernel_init, .free = kernel_free, .prepare = kernel_prepare, .invoke = kernel_invoke,
                         .custom_name = "StandInEdgeTpuDelegate", .version = 1};
  Status status = taken->size ? context->replace_nodes(context, kernel, taken, delegate) : 0;
  free(taken);
  return status;
}

Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
  StandIn *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  copy_text(s->mode, sizeof s->mode, "claim");
  s->class_number = -1;
  s->score = 200;
  s->fail_after = -1;
  if (getenv("STAND_IN_EDGETPU")) set_options(s, getenv("STAND_IN_EDGETPU"));
  for (size_t i = 0; i < count; i++) set_option(s, keys[i], values[i]);
  read_file(s);
  nap(s->open_ms);
  if (!is_there(s)) {
    if (report) report("stand-in: no Edge TPU device found");
    free(s);
    return NULL;
  }
  s->delegate.data = s;
  s->delegate.prepare = delegate_prepare;
  /* Else the runtime prepares the operation that it does not know before it asks us, and fails. */
  s->delegate.flags = ALLOW_DYNAMIC_TENSORS;
  return &s->delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) {
  if (delegate) free(delegate->data);
}
