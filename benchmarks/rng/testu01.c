/* Runs TestU01's SmallCrush or Crush on streams of a fabric's generators, words of 16 bits, two to a number.
 *
 *   testu01 GENERATOR BATTERY < FILE      GENERATOR: lfsr64 | lfsr32 | xoshiro128p; BATTERY: check | small | crush
 *
 * FILE: a count of sites, then the 32-bit state words of each, in the order in which they are drawn from. Every site
 * is stepped once a turn. `check` prints the first 64 words instead, for comparison with the integer step.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bbattery.h"
#include "swrite.h"
#include "unif01.h"

static int sites, words, at;
static uint32_t *states;
static uint32_t (*step)(uint32_t *);

static uint32_t lfsr64(uint32_t *s) {
    uint64_t b = (uint64_t)s[1] << 32 | s[0];
    uint64_t word = (b ^ b >> 1 ^ b >> 3 ^ b >> 4) & 0xFFFF;
    b = b >> 16 | word << 48;
    s[0] = (uint32_t)b;
    s[1] = (uint32_t)(b >> 32);
    return (uint32_t)word;
}

static uint32_t lfsr32(uint32_t *s) {
    uint32_t b = s[0], word = (b ^ b >> 2 ^ b >> 6 ^ b >> 7) & 0xFFFF;
    s[0] = b >> 16 | word << 16;
    return word;
}

static uint32_t xoshiro128p(uint32_t *s) {
    uint32_t result = s[0] + s[3], t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 11 | s[3] >> 21;
    return result >> 16;
}

static uint32_t word16(void) {
    uint32_t word = step(states + (size_t)at * words);
    if (++at == sites) at = 0;
    return word;
}

static unsigned int number(void) {
    uint32_t high = word16();
    return high << 16 | word16();
}

int main(int argc, char **argv) {
    if (argc != 3 || scanf("%d", &sites) != 1 || sites < 1) {
        fprintf(stderr, "usage: testu01 GENERATOR check|small|crush < states\n");
        return 2;
    }
    if (!strcmp(argv[1], "lfsr64")) step = lfsr64, words = 2;
    else if (!strcmp(argv[1], "lfsr32")) step = lfsr32, words = 1;
    else if (!strcmp(argv[1], "xoshiro128p")) step = xoshiro128p, words = 4;
    else return 2;
    states = malloc(sizeof *states * (size_t)sites * words);
    for (int k = 0; k < sites * words; ++k)
        if (scanf("%u", &states[k]) != 1) return 2;
    if (!strcmp(argv[2], "check")) {
        for (int k = 0; k < 64; ++k) printf("%u\n", word16());
        return 0;
    }
    swrite_Basic = FALSE;
    unif01_Gen *gen = unif01_CreateExternGenBits("fabric", number);
    if (!strcmp(argv[2], "small")) bbattery_SmallCrush(gen);
    else bbattery_Crush(gen);
    printf("BEGIN\n");
    for (int k = 0; k < bbattery_NTests; ++k) printf("%.17g\t%s\n", bbattery_pVal[k], bbattery_TestNames[k]);
    return 0;
}
