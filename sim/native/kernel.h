// What a run is made of, and the vocabulary of the kernels.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

// Compiled in: the generator's name, bits of a random word, bits of the accumulator.
#if THERMOFAB_WORD_BITS == 16
using Word = uint16_t;
#else
using Word = uint32_t;
#endif
#if THERMOFAB_FIELD_BITS == 16
using Field = int16_t;
#else
using Field = int32_t;
#endif

struct Layout;
struct Factors;
struct Links;

// Mirrored, field by field, by thermofab.sim.native.library.Run. Free sites are numbered in the order they update;
// a clamped site does not update, and as its random words reach no other site, none are drawn for it.
struct Run {
    int64_t sites, free, colours, replicas, edges;
    const int64_t* bounds;     // [colours + 1] where a colour's sites start
    const int32_t* order;      // [free] the site
    const int64_t* first;      // [free + 1] where its slots start
    const int32_t* near;       // [slots] the neighbour
    const int32_t* weights;    // [slots] 2w
    const int32_t* offsets;    // [free] b - sum of w
    const Word* tables;        // [levels, size], thresholds shifted to the top of a word
    int64_t levels, size, shift;
    const uint64_t* keys;      // [replicas, sites] SplitMix64 streams that seed the generators, or null
    const uint32_t* rng;       // [replicas, sites, words] or else the generators' states
    const uint8_t* init;       // [replicas, sites]
    const int32_t* ends;       // [edges, 2] sites of every edge, for observers
    const int32_t* couplings;  // [edges] w
    const int32_t* biases;     // [sites] b
    const Layout* layout;      // to run replicas one by one, their sites in lanes; null where none is
    const Factors* factors;    // tables over several sites, or null
    const Links* links;        // between the tiles that a layout's sites are in, or null
    const int64_t* held;       // [free + 1] where slots of clamped neighbours start; null: they are among the others
    const int32_t* held_near;     // [their slots] the neighbour
    const int32_t* held_weights;  // [their slots] 2w
    int64_t singles;           // of the replicas so many, the last, are run one by one
};

// What to run next, and what to keep of it. Mirrored by thermofab.sim.native.library.Work. Phases come first; then
// `samples` times `steps` sweeps and a look at the state, but only `lead` sweeps before the first look.
struct Work {
    int64_t phases;
    const int64_t* schedule;   // [phases, 2] sweeps, level
    int64_t samples, lead, steps, level;
    int64_t chosen_count;
    const int32_t* chosen;     // [chosen_count] sites to record, or null for all of them
    uint8_t* states;           // [replicas, samples, chosen_count], or null
    int64_t* energies;         // [replicas, samples], or null
    int64_t* ones;             // [replicas, sites] added to, or null
    int64_t* both;             // [replicas, edges] likewise
    int64_t last;              // whether the chains may be forgotten afterwards
};

constexpr std::size_t LINE = 64, HUGE_PAGE = std::size_t{1} << 21;

// Zeroed memory on cache-line boundaries.
template <class T>
class Array {
    struct Release {
        void operator()(void* p) const { std::free(p); }
    };
    std::unique_ptr<T[], Release> data_;

public:
    explicit Array(std::size_t size) {
        std::size_t bytes = (size * sizeof(T) / LINE + 2) * LINE;
        const bool large = bytes >= 2 * HUGE_PAGE;
        if (large) bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        data_.reset(static_cast<T*>(std::aligned_alloc(large ? HUGE_PAGE : LINE, bytes)));
        if (!data_) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
        if (large) madvise(static_cast<void*>(data_.get()), bytes, MADV_HUGEPAGE);  // fewer pages to look up
#endif
        std::memset(static_cast<void*>(data_.get()), 0, bytes);
    }
    T* get() const { return data_.get(); }
    T& operator[](std::size_t k) const { return data_[k]; }
};

#if defined(__AVX512BW__)
constexpr std::size_t VECTOR = 64;
#elif defined(__AVX2__)
constexpr std::size_t VECTOR = 32;
#else
constexpr std::size_t VECTOR = 16;
#endif

// The fields of 64 lanes in vectors of the compiler's own kind, which stay in registers over a loop on any processor.
struct Fields {
    typedef Field Lanes __attribute__((vector_size(VECTOR), aligned(alignof(Field)), may_alias));
    static constexpr int EACH = VECTOR / sizeof(Field), COUNT = 64 / EACH;

    Lanes lanes[COUNT];

    // `weight(k)`: those of part k, a vector or one number for all of them; `near`: the neighbours, 0 or -1.
    template <class Weight>
    __attribute__((always_inline)) void add(const Weight& weight, const Field* near) {
#pragma GCC unroll 16
        for (int k = 0; k < COUNT; ++k) lanes[k] += weight(k) & part(near, k);
    }
    static __attribute__((always_inline)) Lanes part(const Field* from, int k) {
        return *reinterpret_cast<const Lanes*>(from + k * EACH);
    }
};
