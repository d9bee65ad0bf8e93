/* Runs a program on the machine of driver_bench.cpp through the driver, in C alone; says what it saw, a line each. */
#include <stdio.h>
#include <stdlib.h>

#include "program.h"

void bench_open(uint32_t seed, uint32_t share);
uint32_t bench_write_bytes(uint32_t byte_address, uint32_t data, uint32_t strobe);
bool bench_write(void *context, uint32_t address, uint32_t data);
bool bench_read(void *context, uint32_t address, uint32_t *data);
int bench_take(void *context, uint32_t *word);
uint32_t bench_cut(void);
void bench_clocks(uint32_t clocks);

static uint32_t words[PROGRAM_WORDS + 1];

static int take_nothing(void *context, uint32_t *word) {
    (void)context;
    (void)word;
    bench_clocks(1);
    return 0;
}

static int take_failure(void *context, uint32_t *word) {
    (void)context;
    (void)word;
    return -1;
}

static void told(const char *what, enum thermofab_result result) {
    printf("%s: %d %s\n", what, (int)result, thermofab_text(result));
}

static uint32_t differing(void) {
    uint32_t count = 0;
    for (uint32_t k = 0; k < PROGRAM_WORDS; ++k)
        count += (words[k] & program_mask[k % PROGRAM_SAMPLE_WORDS]) != program_expected[k];
    return count;
}

/* The program with one word of its identity changed. */
static enum thermofab_result other_identity(const struct thermofab_bus *bus, uint32_t place) {
    struct thermofab_pair identity[sizeof program_identity / sizeof *program_identity];
    struct thermofab_program other = program;
    for (uint32_t k = 0; k < program.identity_count; ++k) identity[k] = program_identity[k];
    identity[place].data ^= 1u;
    other.identity = identity;
    return thermofab_identify(bus, &other);
}

int main(int count, char **arguments) {
    struct thermofab_bus bus = {0, bench_write, bench_read, bench_take, 100000};
    struct thermofab_bus hasty = {0, bench_write, bench_read, take_nothing, 300};
    struct thermofab_bus broken = {0, bench_write, bench_read, take_failure, 300};
    uint32_t errors = 0, data = 0, beyond = (uint32_t)strtoul(arguments[3], 0, 0);
    uint64_t cycles = 0;
    bool busy = false;
    if (count != 4) return 2;
    bench_open((uint32_t)atoi(arguments[1]), (uint32_t)atoi(arguments[2]));

    told("run", thermofab_run(&bus, &program, words, PROGRAM_WORDS));
    printf("differing words: %u of %u\n", (unsigned)differing(), (unsigned)PROGRAM_WORDS);
    told("cycles", thermofab_cycles(&bus, &program, &cycles));
    printf("clocks of the last run: %lu\n", (unsigned long)cycles);
    for (uint32_t s = 0; s < PROGRAM_SAMPLES; ++s) {
        printf("sample %d", thermofab_kept(&program, words + s * PROGRAM_SAMPLE_WORDS));
        for (uint32_t n = 0; n < program.node_count; ++n)
            printf(" %u", (unsigned)thermofab_state(&program, words + s * PROGRAM_SAMPLE_WORDS, n));
        printf("\n");
    }
    for (uint32_t n = 0; n < program.node_count; ++n) printf("node %s\n", program.nodes[n].name);
    told("one word too many", thermofab_collect(&hasty, &program, words, 1));

    /* Broken off within a sample, then run from the start: the same bits. */
    told("load", thermofab_load(&bus, &program));
    for (uint32_t run = 0; run + 2 < program.step_count; ++run) {
        told("start", thermofab_start(&bus, &program, run));
        told("wait", thermofab_wait(&bus, &program));
    }
    told("start", thermofab_start(&bus, &program, program.step_count - 2));
    told("no word taken", thermofab_collect(&hasty, &program, words, 1));
    told("a stream that fails", thermofab_collect(&broken, &program, words, 1));
    told("collect", thermofab_collect(&bus, &program, words, PROGRAM_SAMPLE_WORDS));
    bench_clocks(1000);
    told("poll", thermofab_poll(&bus, &program, &busy));
    printf("busy: %d\n", busy);
    told("abort", thermofab_abort(&bus, &program));
    told("poll", thermofab_poll(&bus, &program, &busy));
    printf("busy: %d, packets cut short: %u\n", busy, (unsigned)bench_cut());
    told("run again", thermofab_run(&bus, &program, words, PROGRAM_WORDS));
    printf("differing words: %u of %u\n", (unsigned)differing(), (unsigned)PROGRAM_WORDS);

    told("no such run", thermofab_start(&bus, &program, program.step_count - 1));
    told("no room", thermofab_run(&bus, &program, words, PROGRAM_WORDS - 1));
    told("no fabric", other_identity(&bus, 0));
    told("another version", other_identity(&bus, 1));
    told("another fabric", other_identity(&bus, 9));
    printf("unaligned: %u, a byte: %u, beyond: %u\n", (unsigned)bench_write_bytes(4 * program.control + 1, 1, 15),
           (unsigned)bench_write_bytes(4 * program.control, 1, 1), (unsigned)bench_write_bytes(4 * beyond, 1, 15));
    told("poll", thermofab_poll(&bus, &program, &busy));
    printf("busy: %d, a read beyond: %d, gives %u\n", busy, bench_read(0, beyond, &data), (unsigned)data);
    told("errors", thermofab_errors(&bus, &program, &errors));
    bench_write(0, 0, 1); /* ID cannot be written */
    told("errors", thermofab_errors(&bus, &program, &errors));
    printf("errors: %u\n", (unsigned)errors);
    return 0;
}
