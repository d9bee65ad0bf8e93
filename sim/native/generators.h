// The generators, stepped for all lanes at once, and their seeding from SplitMix64 streams.
#pragma once

#if defined(__AVX512VBMI2__) && !defined(THERMOFAB_PLAIN)
#define THERMOFAB_FUNNEL_SHIFTS
#include <immintrin.h>
#endif

#include <algorithm>

#include "kernel.h"

inline uint64_t mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

// The 32-bit words a generator starts from: outputs of the stream, low half first; while they are all zero, the next.
template <int WORDS>
void seed_words(uint64_t key, uint32_t (&state)[WORDS]) {
    constexpr int OUTPUTS = (WORDS + 1) / 2;
    uint64_t index = 0;
    uint32_t any = 0;
    do {
        for (int k = 0; k < WORDS; ++k) {
            const uint64_t drawn = mix64(key + (index + k / 2 + 1) * 0x9E3779B97F4A7C15u);
            state[k] = static_cast<uint32_t>(k % 2 ? drawn >> 32 : drawn);
            any |= state[k];
        }
        index += OUTPUTS;
    } while (!any);
}

inline void fetch_lines(const void* from, std::size_t bytes) {
    for (std::size_t k = 0; k < bytes; k += LINE) __builtin_prefetch(static_cast<const char*>(from) + k, 1);
}

// A shift register whose window is PLANES words, oldest first. A step makes the word that follows the window; it takes
// the oldest word's place, so the window's start moves through the planes and nothing is copied.
template <int BITS, int A, int B, int C>
struct ShiftRegister {
    static constexpr int WORD = 8 * sizeof(Word), PLANES = BITS / WORD;

    template <int LANES>
    static const Word* step(Word* __restrict state, int64_t time, Word*) {
        Word* __restrict oldest = state + (time % PLANES) * LANES;
        const Word* __restrict next = state + ((time + 1) % PLANES) * LANES;
#ifdef THERMOFAB_FUNNEL_SHIFTS
        if constexpr (LANES * sizeof(Word) % LINE == 0) {
            for (int l = 0; l < LANES; l += LINE / sizeof(Word)) {
                const __m512i a = _mm512_load_si512(oldest + l), b = _mm512_load_si512(next + l);
                const __m512i three = _mm512_ternarylogic_epi32(window<A>(a, b), window<B>(a, b), window<C>(a, b), 0x96);
                _mm512_store_si512(oldest + l, _mm512_xor_si512(a, three));
            }
            return oldest;
        }
#endif
        for (int l = 0; l < LANES; ++l) {
            const Word a = oldest[l], b = next[l];
            oldest[l] = static_cast<Word>(a ^ (a >> A | b << (WORD - A)) ^ (a >> B | b << (WORD - B)) ^
                                          (a >> C | b << (WORD - C)));
        }
        return oldest;
    }
    // Asks for what a step will touch.
    template <int LANES>
    static void fetch(const Word* state, int64_t time) {
        for (int p = 0; p < 2; ++p) fetch_lines(state + (time + p) % PLANES * LANES, LANES * sizeof(Word));
    }
    using State = Word;
    static constexpr int WORDS = BITS / 32;

    // To and from the contract's words, at a time that decides which plane is the oldest.
    static void load(const uint32_t* words, Word* state, int64_t stride, int64_t time) {
        for (int p = 0; p < PLANES; ++p)
            state[(time + p) % PLANES * stride] = static_cast<Word>(words[p * WORD / 32] >> (p * WORD % 32));
    }
    static void store(const Word* state, uint32_t* words, int64_t stride, int64_t time) {
        std::memset(words, 0, sizeof(uint32_t) * WORDS);
        for (int p = 0; p < PLANES; ++p)
            words[p * WORD / 32] |= static_cast<uint32_t>(state[(time + p) % PLANES * stride]) << (p * WORD % 32);
    }

private:
#ifdef THERMOFAB_FUNNEL_SHIFTS
    // The word that starts TAP bits into a, followed by b.
    template <int TAP>
    static __m512i window(__m512i a, __m512i b) {
        return sizeof(Word) == 2 ? _mm512_shrdi_epi16(a, b, TAP) : _mm512_shrdi_epi32(a, b, TAP);
    }
#endif
};

// xoshiro128+; a 16-bit word is the upper half of the output.
struct Xoshiro {
    using State = uint32_t;
    static constexpr int PLANES = 4;

    template <int LANES>
    static const Word* step(uint32_t* __restrict state, int64_t, Word* __restrict words) {
        uint32_t *__restrict p0 = state, *__restrict p1 = state + LANES, *__restrict p2 = state + 2 * LANES,
                             *__restrict p3 = state + 3 * LANES;
        for (int l = 0; l < LANES; ++l) {
            uint32_t s0 = p0[l], s1 = p1[l], s2 = p2[l], s3 = p3[l];
            words[l] = static_cast<Word>((s0 + s3) >> (32 - THERMOFAB_WORD_BITS));
            const uint32_t t = s1 << 9;
            s2 ^= s0;
            s3 ^= s1;
            p1[l] = s1 ^ s2;
            p0[l] = s0 ^ s3;
            p2[l] = s2 ^ t;
            p3[l] = s3 << 11 | s3 >> 21;
        }
        return words;
    }
    template <int LANES>
    static void fetch(const uint32_t* state, int64_t) {
        fetch_lines(state, PLANES * LANES * sizeof(uint32_t));
    }
    static constexpr int WORDS = 4;

    static void load(const uint32_t* words, uint32_t* state, int64_t stride, int64_t) {
        for (int p = 0; p < 4; ++p) state[p * stride] = words[p];
    }
    static void store(const uint32_t* state, uint32_t* words, int64_t stride, int64_t) {
        for (int p = 0; p < 4; ++p) words[p] = state[p * stride];
    }
};

using Lfsr64 = ShiftRegister<64, 1, 3, 4>;
using Lfsr32 = ShiftRegister<32, 2, 6, 7>;
using Generator = THERMOFAB_GENERATOR;

// The contract's words of one generator at the start of a run.
inline void first_words(const Run& run, int64_t replica, int64_t site, uint32_t (&words)[Generator::WORDS]) {
    const int64_t place = replica * run.sites + site;
    if (run.rng)
        std::memcpy(words, run.rng + place * Generator::WORDS, sizeof words);
    else
        seed_words(run.keys[place], words);
}

// Where `count` generators of `lanes` lanes start: every pair of one and the other, a few generators in all lanes at a
// time, for neighbouring lanes of a generator share lines of memory.
template <class Start>
void for_lanes(int64_t count, int lanes, const Start& start) {
    constexpr int64_t FEW = 16;
    for (int64_t k = 0; k < count; k += FEW)
        for (int l = 0; l < lanes; ++l)
            for (int64_t j = k; j < std::min(k + FEW, count); ++j) start(j, l);
}

// What SplitMix64's streams say of sites: keys `mix((root ^ site) + G)` uint64 [replicas, sites] and, where `init` is
// not null, the top bit of output 255, the state that a site starts from, uint8 [replicas, sites].
inline void hash_sites(const uint64_t* roots, const int64_t* numbers, int64_t replicas, int64_t sites,
                       uint64_t* __restrict keys, uint8_t* __restrict init) {
    constexpr uint64_t GOLDEN = 0x9E3779B97F4A7C15u, LAST = 256 * GOLDEN;
    for (int64_t r = 0; r < replicas; ++r, keys += sites) {
        const uint64_t root = roots[r];
        for (int64_t i = 0; i < sites; ++i) keys[i] = mix64((root ^ static_cast<uint64_t>(numbers[i])) + GOLDEN);
        if (!init) continue;
        for (int64_t i = 0; i < sites; ++i) init[i] = static_cast<uint8_t>(mix64(keys[i] + LAST) >> 63);
        init += sites;
    }
}

// A generator at its start, in the lane that `state` points to.
inline void seed(const Run& run, int64_t replica, int64_t site, Generator::State* state, int64_t stride) {
    uint32_t words[Generator::WORDS];
    first_words(run, replica, site, words);
    Generator::load(words, state, stride, 0);
}

// The contract's words of a generator that stood still, as those of clamped sites do, `time` steps on.
inline void later_words(const Run& run, int64_t replica, int64_t site, int64_t time, uint32_t* out) {
    uint32_t words[Generator::WORDS];
    first_words(run, replica, site, words);
    alignas(LINE) Generator::State state[Generator::PLANES];
    alignas(LINE) Word scratch[1];
    Generator::load(words, state, 1, 0);
    for (int64_t t = 0; t < time; ++t) Generator::step<1>(state, t, scratch);
    Generator::store(state, out, 1, time);
}
