/* A driver of thermofab fabrics for bare machines: C99, nothing of a C library but these two headers.

   The machine is reached through a struct thermofab_bus, the run is a struct thermofab_program, which
   `thermofab export PROGRAM --format c` writes. thermofab_run() does all of it; the functions before it are its parts. */
#ifndef THERMOFAB_H
#define THERMOFAB_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the fabric is reached. Addresses count 32-bit words: on a bus that counts bytes, multiply them by four. */
struct thermofab_bus {
    void *context; /* given to the functions */
    /* Whether the access went well; one that the bus answers with an error did not. */
    bool (*write)(void *context, uint32_t address, uint32_t data);
    bool (*read)(void *context, uint32_t address, uint32_t *data);
    /* The next word of the sample stream: 1 and the word, 0 where none is there yet, -1 where the stream has failed. */
    int (*take)(void *context, uint32_t *word);
    /* Looks at STATUS, or at the stream, without any news before the driver gives up; 0 never gives up. */
    uint32_t patience;
};

/* Registers in memory, for the `write` and `read` of a bus: the context is a struct thermofab_mmio, or begins with
   one, so that `take` finds its own things behind it. */
struct thermofab_mmio {
    volatile uint32_t *registers;
};
bool thermofab_mmio_write(void *context, uint32_t address, uint32_t data);
bool thermofab_mmio_read(void *context, uint32_t address, uint32_t *data);

enum thermofab_result {
    THERMOFAB_OK = 0,
    THERMOFAB_BUS,      /* the bus answered with an error */
    THERMOFAB_STREAM,   /* the stream failed */
    THERMOFAB_ABSENT,   /* ID reads otherwise: no fabric there */
    THERMOFAB_VERSION,  /* another version of the register map or of the arithmetic contract */
    THERMOFAB_OTHER,    /* another fabric than the program's */
    THERMOFAB_TIMEOUT,  /* no news for bus->patience looks, and the fabric is busy */
    THERMOFAB_ENDED,    /* the run ended before all its words came, or was aborted */
    THERMOFAB_REFUSED,  /* ERRORS is not zero: thermofab_errors() */
    THERMOFAB_SHORT     /* the buffer is too short, or there is no such run */
};

struct thermofab_pair {
    uint32_t address, data;
};

/* Write `writes`; take `words` words of the stream; wait until the fabric is idle. */
struct thermofab_step {
    const struct thermofab_pair *writes;
    uint32_t count, words;
};

/* A node is read from bits of a sample, the first the most significant; bit b of word w is 32 w + b. */
struct thermofab_node {
    const char *name;
    const uint32_t *bits;
    uint32_t count;
    const uint16_t *states; /* of each of the 2^count codes */
};

struct thermofab_pair_of_bits {
    uint32_t first, second;
};

struct thermofab_program {
    uint32_t control, status, errors, cycles; /* addresses */
    const struct thermofab_pair *identity;    /* what registers fixed at build time read, ID and VERSION first */
    uint32_t identity_count;
    const struct thermofab_step *steps; /* the first ends an old run, each other one ends with a start */
    uint32_t step_count;
    uint32_t samples, sample_words;
    const uint32_t *mask; /* bits of a sample that show a site; the others read as anything */
    const struct thermofab_node *nodes;
    uint32_t node_count;
    const struct thermofab_pair_of_bits *checks; /* a sample in which a pair differs is to be discarded */
    uint32_t check_count;
};

/* Is the fabric the one that the program is for? */
enum thermofab_result thermofab_identify(const struct thermofab_bus *bus, const struct thermofab_program *program);

/* End any run after the sweep in hand, and drop the words that the stream still has. */
enum thermofab_result thermofab_abort(const struct thermofab_bus *bus, const struct thermofab_program *program);

/* End any run and write all that the first run needs, but its start. */
enum thermofab_result thermofab_load(const struct thermofab_bus *bus, const struct thermofab_program *program);

/* Start run 0, which was loaded, or write and start one of the later runs of a long schedule; a program has
   step_count - 1 runs. */
enum thermofab_result thermofab_start(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                      uint32_t run);

/* Whether the fabric is busy, in *busy; it does not wait. */
enum thermofab_result thermofab_poll(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                     bool *busy);

/* Take `count` words of the stream. */
enum thermofab_result thermofab_collect(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                        uint32_t *words, uint32_t count);

/* Wait until the fabric is idle. */
enum thermofab_result thermofab_wait(const struct thermofab_bus *bus, const struct thermofab_program *program);

/* THERMOFAB_REFUSED where ERRORS is not zero; *errors is what it reads. */
enum thermofab_result thermofab_errors(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                       uint32_t *errors);

/* Clocks of the last run. */
enum thermofab_result thermofab_cycles(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                       uint64_t *cycles);

/* Identify, load and run; samples * sample_words words go to `words`, which has room for `room`. */
enum thermofab_result thermofab_run(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                    uint32_t *words, uint32_t room);

/* A bit of a sample, and the state of a node in it. */
bool thermofab_bit(const uint32_t *sample, uint32_t bit);
uint16_t thermofab_state(const struct thermofab_program *program, const uint32_t *sample, uint32_t node);

/* Whether a sample is to be kept: false where copies of a node disagree. */
bool thermofab_kept(const struct thermofab_program *program, const uint32_t *sample);

/* What a result means, a clause. */
const char *thermofab_text(enum thermofab_result result);

#ifdef __cplusplus
}
#endif

#endif
