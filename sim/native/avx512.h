// Replicas in lanes, for AVX-512: 16-bit fields and words, tables of at most 256 entries.
//
// A site's 64 replicas are the bits of one word, which is the mask of the additions that make the field. Saturating to
// bytes clips the address; the table lies in registers, low bytes and high bytes apart, and is read by byte permutes.
// Where no field can leave a byte and none is dithered, fields are bytes from the start.
#pragma once

#if !defined(THERMOFAB_PLAIN) && defined(__AVX512BW__) && defined(__AVX512VBMI__) && THERMOFAB_WORD_BITS == 16 && \
    THERMOFAB_FIELD_BITS == 16
#define THERMOFAB_AVX512

#include <immintrin.h>

#include <algorithm>
#include <vector>

#include "factors.h"
#include "generators.h"
#include "held.h"
#include "observe.h"

// T[-128…127] as bytes: low and high halves of 256 entries, the ends of a shorter table repeated.
struct ByteTable {
    alignas(LINE) uint8_t low[256], high[256];

    ByteTable(const Word* table, int64_t size) {
        const int half = static_cast<int>(size / 2);
        for (int a = -128; a < 128; ++a) {
            const Word threshold = table[std::max(-half, std::min(half - 1, a)) + half];
            low[a & 255] = static_cast<uint8_t>(threshold);
            high[a & 255] = static_cast<uint8_t>(threshold >> 8);
        }
    }
};

// Fields and words of 64 lanes to their new states, one bit each.
class Activation {
public:
    Activation(const ByteTable& table, int64_t shift)
        : dither_(_mm512_set1_epi16(static_cast<int16_t>((1 << shift) - 1))), shift_(_mm_cvtsi64_si128(shift)) {
        for (int k = 0; k < 4; ++k) {
            low_[k] = _mm512_load_si512(table.low + 64 * k);
            high_[k] = _mm512_load_si512(table.high + 64 * k);
        }
    }

    // Fields of a byte, of an image without dither.
    __attribute__((always_inline)) uint64_t operator()(__m512i fields, __m512i u0, __m512i u1) const {
        // In the order that packing would have left them in.
        const __m512i a = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), fields);
        return compare(a, u0, u1);
    }

    __attribute__((always_inline)) uint64_t operator()(__m512i f0, __m512i f1, __m512i u0, __m512i u1) const {
        const __m512i a0 = _mm512_sra_epi16(_mm512_add_epi16(f0, _mm512_and_si512(u0, dither_)), shift_);
        const __m512i a1 = _mm512_sra_epi16(_mm512_add_epi16(f1, _mm512_and_si512(u1, dither_)), shift_);
        return compare(_mm512_packs_epi16(a0, a1), u0, u1);
    }

private:
    __attribute__((always_inline)) uint64_t compare(__m512i a, __m512i u0, __m512i u1) const {
        const __mmask64 negative = _mm512_movepi8_mask(a);
        const __m512i low = look_up(low_, a, negative), high = look_up(high_, a, negative);
        // Unpacking undoes the order that packing left the lanes in.
        const __m512i t0 = _mm512_unpacklo_epi8(low, high), t1 = _mm512_unpackhi_epi8(low, high);
        const uint64_t lower = _mm512_cmplt_epu16_mask(u0, t0), upper = _mm512_cmplt_epu16_mask(u1, t1);
        return upper << 32 | lower;
    }

    static __m512i look_up(const __m512i (&t)[4], __m512i a, __mmask64 negative) {
        const __m512i from_0 = _mm512_permutex2var_epi8(t[0], a, t[1]);
        const __m512i from_128 = _mm512_permutex2var_epi8(t[2], a, t[3]);
        return _mm512_mask_blend_epi8(negative, from_0, from_128);
    }

    __m512i dither_, low_[4], high_[4];
    __m128i shift_;
};

// Blocks of 64 or 32 replicas. Registers hold 64 lanes either way: one site's, or those of two sites of one colour.
template <int REPLICAS, bool BYTES>
class Avx512Block {
public:
    static constexpr int LANES = REPLICAS;

    static bool fits(const Run& run) {
        if (run.size > 256) return false;
        if (!BYTES) return true;
        if (run.factors) return false;
        for (int64_t k = 0; k < run.free; ++k) {
            // F = b - sum of w + sum of 2w over neighbours that are up, so |F| <= |b| + sum of |w|.
            int64_t bias = run.offsets[k], most = 0;
            const auto add = [&](int32_t twice) { bias += twice / 2, most += std::abs(twice / 2); };
            for (int64_t s = run.first[k]; s < run.first[k + 1]; ++s) add(run.weights[s]);
            for (int64_t s = run.held ? run.held[k] : 0; run.held && s < run.held[k + 1]; ++s) add(run.held_weights[s]);
            if (std::abs(bias) + most > 127) return false;
        }
        return run.shift == 0;
    }

    // Replicas first … first + real - 1; lanes beyond repeat the last.
    Avx512Block(const Run& run, int64_t first, int64_t real)
        : run_(run), first_(first), real_(real), places_(places(run)), states_(run.sites + 1),
          rng_(units() * STATE), held_(run), added_(run) {
        for (int l = 0; l < LANES; ++l) {
            const int64_t replica = first + std::min<int64_t>(l, real - 1);
            const uint8_t* init = run.init + replica * run.sites;
            for (int64_t i = 0; i < run.sites; ++i) states_[i] |= static_cast<Bits>(init[i]) << l;
        }
        for_lanes(static_cast<int64_t>(places_.size()), LANES, [&](int64_t p, int l) {
            const int64_t replica = first + std::min<int64_t>(l, real - 1), site = places_[p].site;
            if (site < run.sites) seed(run, replica, site, generator(p, l), WIDTH);
        });
        slots_.reserve(run.first[run.free]);
        for (int64_t s = 0; s < run.first[run.free]; ++s) {
            const uint32_t weight = static_cast<uint32_t>(run.weights[s]);
            slots_.push_back({static_cast<uint32_t>(run.near[s]),
                              BYTES ? (weight & 0xff) * 0x01010101u : (weight & 0xffff) * 0x00010001u});
        }
        for (int64_t level = 0; level < run.levels; ++level)
            tables_.emplace_back(run.tables + level * run.size, run.size);
        settle();
    }

    void sweep(int64_t level) {
        const Activation activation(tables_[level], run_.shift);
        alignas(LINE) Word scratch[WIDTH];
        const Place* place = places_.data();
        for (int64_t u = 0; u < units(); ++u, place += SITES) {
            Generator::fetch<WIDTH>(&rng_[(u + AHEAD) * STATE], time_);
            const Word* words = Generator::step<WIDTH>(&rng_[u * STATE], time_, scratch);
            const __m512i u0 = _mm512_load_si512(words), u1 = _mm512_load_si512(words + WIDTH / 2);
            if constexpr (BYTES && SITES == 1) {
                __m512i sum = place->row < 0 ? _mm512_set1_epi8(static_cast<char>(place->offset))
                                             : _mm512_load_si512(held_.fields(place->row));
                for (uint32_t s = place->first; s < place->last; ++s) {
                    const __mmask64 near = _load_mask64(reinterpret_cast<__mmask64*>(&states_[slots_[s].near]));
                    sum = _mm512_mask_add_epi8(sum, near, sum, _mm512_set1_epi32(static_cast<int32_t>(slots_[s].weight)));
                }
                states_[place->site] = activation(sum, u0, u1);
            } else if constexpr (SITES == 1) {
                __m512i f0, f1;
                if (place->row < 0) {
                    f0 = f1 = _mm512_set1_epi16(place->offset);
                } else {
                    f0 = _mm512_load_si512(held_.fields(place->row));
                    f1 = _mm512_load_si512(held_.fields(place->row) + WIDTH / 2);
                }
                for (uint32_t s = place->first; s < place->last; ++s) {
                    const __m512i weight = _mm512_set1_epi32(static_cast<int32_t>(slots_[s].weight));
                    const __mmask64 near = _load_mask64(reinterpret_cast<__mmask64*>(&states_[slots_[s].near]));
                    f0 = _mm512_mask_add_epi16(f0, static_cast<__mmask32>(near), f0, weight);
                    f1 = _mm512_mask_add_epi16(f1, static_cast<__mmask32>(_kshiftri_mask64(near, 32)), f1, weight);
                }
                add_factors(*place, f0, f1);
                states_[place->site] = activation(f0, f1, u0, u1);
            } else {
                uint64_t fresh;
                if constexpr (BYTES)
                    fresh = activation(
                        _mm512_inserti64x4(_mm512_castsi256_si512(bytes(place[0])), bytes(place[1]), 1), u0, u1);
                else
                    fresh = activation(field(place[0]), field(place[1]), u0, u1);
                states_[place[0].site] = static_cast<Bits>(fresh);
                states_[place[1].site] = static_cast<Bits>(fresh >> LANES);
            }
        }
        ++time_;
    }

    // Every site's replicas as bits of one word.
    const uint64_t* words() {
        if constexpr (LANES == 64) return reinterpret_cast<const uint64_t*>(states_.get());
        if (!wide_) wide_ = std::make_unique<Array<uint64_t>>(run_.sites);
        for (int64_t i = 0; i < run_.sites; ++i) (*wide_)[i] = states_[i];
        return wide_->get();
    }

    // Takes the other's states in some lanes, and gives it its own.
    void exchange(Avx512Block& other, uint64_t lanes) {
        const Bits moved = static_cast<Bits>(lanes);
        Bits *__restrict mine = states_.get(), *__restrict theirs = other.states_.get();
        for (int64_t i = 0; i < run_.sites; ++i) {
            const Bits differing = (mine[i] ^ theirs[i]) & moved;
            mine[i] ^= differing;
            theirs[i] ^= differing;
        }
        settle();
        other.settle();
    }

    // `flips(site)`: lanes whose state changes.
    template <class Flips>
    void flip(const Flips& flips) {
        for (int64_t i = 0; i < run_.sites; ++i) states_[i] ^= static_cast<Bits>(flips(i));
        settle();
    }

    void load(const uint8_t* states) {
        load_words<Bits>(run_, states + first_ * run_.sites, real_, states_.get());
        settle();
    }

    void store_generators(uint32_t* out) const {
        for (std::size_t p = 0; p < places_.size(); ++p)
            for (int l = 0; l < real_ && places_[p].site < run_.sites; ++l)
                Generator::store(generator(p, l), out + ((first_ + l) * run_.sites + places_[p].site) * Generator::WORDS,
                                 WIDTH, time_);
    }

    int64_t first() const { return first_; }
    int64_t real() const { return real_; }
    int64_t time() const { return time_; }

private:
    static constexpr int WIDTH = 64, SITES = WIDTH / LANES, AHEAD = 8;
    static constexpr int64_t STATE = int64_t{Generator::PLANES} * WIDTH;
    using Bits = std::conditional_t<LANES == 64, uint64_t, uint32_t>;
    struct Place {
        uint32_t site, first, last;
        int16_t offset;
        int32_t row;   // of the fields to start from; negative where every lane starts from the offset
        uint32_t inputs[2];   // of factors, from and to
    };
    struct Slot {
        uint32_t near, weight;   // 2w, as often as 32 bits hold it
    };

    // Free sites by colour; a colour that does not fill its last unit is filled up with a site nobody looks at.
    static std::vector<Place> places(const Run& run) {
        std::vector<Place> made;
        for (int64_t c = 0; c < run.colours; ++c) {
            for (int64_t k = run.bounds[c]; k < run.bounds[c + 1]; ++k)
                made.push_back({static_cast<uint32_t>(run.order[k]), static_cast<uint32_t>(run.first[k]),
                                static_cast<uint32_t>(run.first[k + 1]), static_cast<int16_t>(run.offsets[k]), -1,
                                {input(run, k), input(run, k + 1)}});
            while (made.size() % SITES) made.push_back({static_cast<uint32_t>(run.sites), 0, 0, 0, -1, {0, 0}});
        }
        return made;
    }

    static uint32_t input(const Run& run, int64_t k) {
        return run.factors ? static_cast<uint32_t>(run.factors->first[k]) : 0;
    }

    // What factors add to the fields of the 64 lanes of a site; of 32 lanes, to the first alone.
    __attribute__((always_inline)) void add_factors(const Place& place, __m512i& f0, __m512i& f1) const {
        for (uint32_t m = place.inputs[0]; m < place.inputs[1]; ++m)
            added_.add(*run_.factors, m, [&](int32_t site) -> uint64_t { return states_[site]; }, f0, f1);
    }

    // Where sums start, after states of clamped sites may have changed.
    void settle() {
        if (!held_.settle(states_.get())) return;
        int64_t k = 0;
        for (Place& place : places_) {
            if (place.site == run_.sites) continue;
            place.offset = static_cast<int16_t>(held_.offset(k));
            place.row = static_cast<int32_t>(held_.row(k++));
        }
    }

    Generator::State* generator(std::size_t place, int lane) const {
        return &rng_[static_cast<int64_t>(place) / SITES * STATE + static_cast<int64_t>(place) % SITES * LANES + lane];
    }

    int64_t units() const { return static_cast<int64_t>(places_.size()) / SITES; }

    __attribute__((always_inline)) __m512i field(const Place& place) const {
        __m512i sum =
            place.row < 0 ? _mm512_set1_epi16(place.offset) : _mm512_load_si512(held_.fields(place.row));
        for (uint32_t s = place.first; s < place.last; ++s) {
            const __m512i weight = _mm512_set1_epi32(static_cast<int32_t>(slots_[s].weight));
            sum = _mm512_mask_add_epi16(sum, static_cast<__mmask32>(states_[slots_[s].near]), sum, weight);
        }
        __m512i none = _mm512_setzero_si512();
        add_factors(place, sum, none);
        return sum;
    }

    __attribute__((always_inline)) __m256i bytes(const Place& place) const {
        __m256i sum = place.row < 0 ? _mm256_set1_epi8(static_cast<char>(place.offset))
                                    : _mm256_load_si256(reinterpret_cast<const __m256i*>(held_.fields(place.row)));
        for (uint32_t s = place.first; s < place.last; ++s) {
            const __m256i weight = _mm256_set1_epi32(static_cast<int32_t>(slots_[s].weight));
            sum = _mm256_mask_add_epi8(sum, static_cast<__mmask32>(states_[slots_[s].near]), sum, weight);
        }
        return sum;
    }

    const Run& run_;
    int64_t first_, real_, time_ = 0;
    std::vector<Place> places_;
    Array<Bits> states_;             // [sites + 1], a replica a bit
    Array<Generator::State> rng_;    // [units, PLANES, WIDTH]
    HeldFields<std::conditional_t<BYTES, int8_t, int16_t>, LANES> held_;
    AddedRows added_;
    std::unique_ptr<Array<uint64_t>> wide_;
    std::vector<Slot> slots_;
    std::vector<ByteTable> tables_;
};

#endif
