// What is kept of chains whose replicas are the bits of words: recorded states, energies, counts.
//
// Counting needs one operation a word of 64 samples: the words of 64 samples are kept, transposed so that a word holds
// one replica's 64 samples, and the ones of a site, or of both ends of an edge, are counted by its population count.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "factors.h"
#include "kernel.h"

#ifdef __AVX512BW__
#include <immintrin.h>
#endif

// One step of transposing 64 x 64 bits: squares of SIDE bits change places across the diagonals of those of 2 SIDE.
template <int SIDE>
inline void transpose_squares(uint64_t* rows) {
    constexpr uint64_t KEPT = ~uint64_t{0} / ((uint64_t{1} << SIDE) + 1);
    for (int from = 0; from < 64; from += 2 * SIDE)
        for (int k = from; k < from + SIDE; ++k) {
            const uint64_t moved = (rows[k] >> SIDE ^ rows[k + SIDE]) & KEPT;
            rows[k] ^= moved << SIDE;
            rows[k + SIDE] ^= moved;
        }
}

// Bit l of row k to bit k of row l.
inline void transpose(uint64_t* rows) {
    transpose_squares<32>(rows);
    transpose_squares<16>(rows);
    transpose_squares<8>(rows);
    transpose_squares<4>(rows);
    transpose_squares<2>(rows);
    transpose_squares<1>(rows);
}

// Replicas of every site as bits, from bytes [replicas, sites]; lanes beyond `real` repeat the last.
template <class Bits>
inline void load_words(const Run& run, const uint8_t* states, int64_t real, Bits* words) {
    std::fill_n(words, run.sites, Bits{0});
    for (int l = 0; l < static_cast<int>(8 * sizeof(Bits)); ++l) {
        const uint8_t* row = states + std::min<int64_t>(l, real - 1) * run.sites;
        for (int64_t i = 0; i < run.sites; ++i) words[i] |= static_cast<Bits>(row[i] != 0) << l;
    }
}

// 64 masks of 0 or -1 to the bits of a word: eight bytes of 0 and 1 times this number have their bits in the top byte.
inline uint64_t pack_masks(const Field* __restrict masks) {
    uint8_t bytes[64];
    for (int l = 0; l < 64; ++l) bytes[l] = static_cast<uint8_t>(masks[l] & 1);
    uint64_t word = 0;
    for (int q = 0; q < 8; ++q) {
        uint64_t eight;
        std::memcpy(&eight, bytes + 8 * q, sizeof eight);
        word |= (eight * 0x0102040810204080u >> 56) << 8 * q;
    }
    return word;
}

// Bits to bytes of 0 and 1, the first `length` of 64.
inline void spread_bits(uint64_t bits, uint8_t* out, int64_t length) {
#ifdef __AVX512BW__
    const uint64_t within = length >= 64 ? ~uint64_t{0} : (uint64_t{1} << length) - 1;
    _mm512_mask_storeu_epi8(out, within, _mm512_maskz_set1_epi8(bits, 1));
#else
    for (int64_t k = 0; k < std::min<int64_t>(64, length); ++k) out[k] = bits >> k & 1;
#endif
}

// Σn_i and Σn_i·n_j over samples, from words whose bits are samples: WIDTH of them a site, one a replica.
template <int WIDTH>
class Counters {
public:
    Counters(int64_t sites, int64_t edges) : sites_(sites), edges_(edges), ones_(sites * WIDTH), both_(edges * WIDTH) {}

    // `places`: where in `bits` a site's words lie; null where they lie in the order of sites.
    void add(const uint64_t* bits, const int32_t* places, const int32_t* ends) {
        for (int64_t i = 0; i < sites_; ++i) add_words(at(bits, places, i), at(bits, places, i), &ones_[i * WIDTH]);
        for (int64_t e = 0; e < edges_; ++e)
            add_words(at(bits, places, ends[2 * e]), at(bits, places, ends[2 * e + 1]), &both_[e * WIDTH]);
    }

    // Adds what was counted to rows of a run's results.
    void give(int64_t first, int64_t real, int64_t* ones, int64_t* both) const {
        for (int64_t l = 0; l < real; ++l) {
            for (int64_t i = 0; i < sites_; ++i) ones[(first + l) * sites_ + i] += ones_[i * WIDTH + l];
            for (int64_t e = 0; e < edges_; ++e) both[(first + l) * edges_ + e] += both_[e * WIDTH + l];
        }
    }

private:
    static const uint64_t* at(const uint64_t* bits, const int32_t* places, int64_t site) {
        return bits + (places ? places[site] : site) * WIDTH;
    }
    static void add_words(const uint64_t* __restrict a, const uint64_t* __restrict b, uint32_t* __restrict counts) {
        for (int l = 0; l < WIDTH; ++l) counts[l] += static_cast<uint32_t>(__builtin_popcountll(a[l] & b[l]));
    }

    int64_t sites_, edges_;
    Array<uint32_t> ones_, both_;    // [sites, WIDTH], [edges, WIDTH]
};

// Energies of 64 replicas, E = -sum of b_i s_i - sum of w_ij s_i s_j.
class WordEnergies {
public:
    // `used`: whether it will be asked.
    WordEnergies(const Run& run, bool used) : run_(run) {
        if (!used) return;
        int64_t largest = 1;
        for (int64_t e = 0; e < run.edges; ++e) {
            largest = std::max<int64_t>(largest, std::abs(run.couplings[e]));
            constant_ += run.couplings[e];
        }
        for (int64_t i = 0; i < run.sites; ++i) constant_ += run.biases[i];
        tile_ = 32767 / largest;
    }

    void operator()(const uint64_t* words, int64_t (&out)[64]) const {
        int64_t sum[64] = {};
        for (int64_t i = 0; i < run_.sites; i += 64) add_biases(words, i, std::min(i + 64, run_.sites), sum);
        for (int64_t e = 0; e < run_.edges; e += tile_) add_couplings(words, e, std::min(e + tile_, run_.edges), sum);
        for (int l = 0; l < 64; ++l) out[l] = constant_ - 2 * sum[l];
        if (run_.factors) subtract_factors(*run_.factors, words, out);
    }

private:
    void add_biases(const uint64_t* words, int64_t from, int64_t to, int64_t (&sum)[64]) const {
        int32_t part[64] = {};  // 64 biases of at most 24 bits
        for (int64_t i = from; i < to; ++i) add_lanes(words[i], run_.biases[i], part);
        for (int l = 0; l < 64; ++l) sum[l] += part[l];
    }

    static void add_lanes(uint64_t word, int32_t value, int32_t (&part)[64]) {
        if (!value) return;
        const uint32_t low = static_cast<uint32_t>(word), high = static_cast<uint32_t>(word >> 32);
        for (int l = 0; l < 32; ++l) part[l] += value & -static_cast<int32_t>(low >> l & 1);
        for (int l = 0; l < 32; ++l) part[l + 32] += value & -static_cast<int32_t>(high >> l & 1);
    }

    // So few that 16 bits hold their sum.
    void add_couplings(const uint64_t* words, int64_t from, int64_t to, int64_t (&sum)[64]) const {
        alignas(LINE) int16_t part[64];
#ifdef __AVX512BW__
        __m512i low = _mm512_setzero_si512(), high = low;
        for (int64_t e = from; e < to; ++e) {
            const uint64_t equal = ~(words[run_.ends[2 * e]] ^ words[run_.ends[2 * e + 1]]);
            const __m512i weight = _mm512_set1_epi16(static_cast<int16_t>(run_.couplings[e]));
            low = _mm512_mask_add_epi16(low, static_cast<__mmask32>(equal), low, weight);
            high = _mm512_mask_add_epi16(high, static_cast<__mmask32>(equal >> 32), high, weight);
        }
        _mm512_store_si512(part, low);
        _mm512_store_si512(part + 32, high);
#else
        std::fill_n(part, 64, int16_t{0});
        for (int64_t e = from; e < to; ++e) {
            const uint64_t equal = ~(words[run_.ends[2 * e]] ^ words[run_.ends[2 * e + 1]]);
            const int16_t weight = static_cast<int16_t>(run_.couplings[e]);
            for (int q = 0; q < 4; ++q) {
                const uint16_t some = static_cast<uint16_t>(equal >> 16 * q);
                for (int l = 0; l < 16; ++l) part[16 * q + l] += weight & -static_cast<int16_t>(some >> l & 1);
            }
        }
#endif
        for (int l = 0; l < 64; ++l) sum[l] += part[l];
    }

    const Run& run_;
    int64_t constant_ = 0, tile_ = 1;
};

// Looks at a block of replicas after a sample's sweeps, as the work asks.
class WordWatch {
public:
    WordWatch(const Run& run, const Work& work, int64_t first, int64_t real)
        : run_(run), work_(work), first_(first), real_(real),
          rows_(work.states ? (work.chosen_count + 63) / 64 * 64 : 0), energies_(run, work.energies),
          history_(work.ones ? SPAN * padded() : 0), bits_(work.ones ? SPAN * padded() : 0),
          counters_(work.ones ? run.sites : 0, work.ones ? run.edges : 0) {}

    void look(int64_t sample, const uint64_t* words) {
        if (work_.states) record(sample, words);
        if (work_.energies) {
            int64_t energies[64];
            energies_(words, energies);
            for (int64_t l = 0; l < real_; ++l) work_.energies[(first_ + l) * work_.samples + sample] = energies[l];
        }
        if (work_.ones) {
            std::copy_n(words, run_.sites, &history_[held_ * padded()]);
            if (++held_ == SPAN) count();
        }
    }

    void finish() {
        if (!work_.ones) return;
        if (held_) count();
        counters_.give(first_, real_, work_.ones, work_.both);
    }

private:
    static constexpr int64_t SPAN = 64;

    int64_t padded() const { return (run_.sites + 7) / 8 * 8; }

    void record(int64_t sample, const uint64_t* words) {
        const int64_t count = work_.chosen_count, chunks = (count + 63) / 64;
        if (work_.chosen)
            for (int64_t k = 0; k < count; ++k) rows_[k] = words[work_.chosen[k]];
        else
            std::copy_n(words, count, rows_.get());
        for (int64_t c = 0; c < chunks; ++c) transpose(&rows_[64 * c]);
        // A replica at a time: its states lie far from the next one's.
        for (int64_t l = 0; l < real_; ++l) {
            uint8_t* out = work_.states + ((first_ + l) * work_.samples + sample) * count;
            for (int64_t c = 0; c < chunks; ++c) spread_bits(rows_[64 * c + l], out + 64 * c, count - 64 * c);
        }
    }

    void count() {
        std::fill(&history_[held_ * padded()], &history_[SPAN * padded()], 0);
        uint64_t tile[8][SPAN];
        for (int64_t i = 0; i < run_.sites; i += 8) {
            for (int64_t t = 0; t < SPAN; ++t)
                for (int64_t k = 0; k < 8; ++k) tile[k][t] = history_[t * padded() + i + k];
            for (int64_t k = 0; k < std::min<int64_t>(8, run_.sites - i); ++k) {
                transpose(tile[k]);
                std::copy_n(tile[k], SPAN, &bits_[(i + k) * SPAN]);
            }
        }
        counters_.add(bits_.get(), nullptr, run_.ends);
        held_ = 0;
    }

    const Run& run_;
    const Work& work_;
    int64_t first_, real_, held_ = 0;
    Array<uint64_t> rows_;           // the chosen sites, to a multiple of 64: room to transpose in
    WordEnergies energies_;
    Array<uint64_t> history_;        // [SPAN, padded], a replica a bit
    Array<uint64_t> bits_;           // [padded, replicas], a sample a bit
    Counters<64> counters_;
};
