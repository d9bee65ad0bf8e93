// Neighbours of one replica's sites by look-up, for AVX-512: the states of all sites are bits of a table of a few
// registers, and a byte permute reads it for 64 sites at a time. For graphs of up to 8,192 places.
#pragma once

#include "avx512.h"

#ifdef THERMOFAB_AVX512

#include <vector>

// Places are numbered as in Layout, which is one without margins; chunks without a site have no bits.
class BitNeighbours {
public:
    static constexpr int64_t MOST_TABLES = 8;

    // `chunks` of 64 places hold `site`, -1 where there is none; chunk c has slots_of(c) rows of 64 neighbours' places.
    template <class Slots>
    BitNeighbours(int64_t chunks, const int32_t* site, const int32_t* neighbours, const Slots& slots_of)
        : word_(chunks, -1), first_(chunks) {
        int64_t words = 0;
        for (int64_t c = 0; c < chunks; ++c)
            for (int l = 0; l < WIDTH; ++l)
                if (site[c * WIDTH + l] >= 0 && word_[c] < 0) word_[c] = words++;
        tables_ = (words + TABLE_WORDS - 1) / TABLE_WORDS;
        if (!fits()) return;
        bits_ = Array<uint64_t>(tables_ * TABLE_WORDS);
        int64_t slots = 0;
        for (int64_t c = 0; c < chunks; ++c)
            if (word_[c] >= 0) first_[c] = slots, slots += slots_of(c);
        look_ups_ = Array<LookUp>(slots);
        for (int64_t c = 0; c < chunks; neighbours += slots_of(c++) * WIDTH)
            for (int64_t s = 0; word_[c] >= 0 && s < slots_of(c); ++s)
                for (int l = 0; l < WIDTH; ++l) fill(look_ups_[first_[c] + s], l, neighbours[s * WIDTH + l]);
    }

    bool fits() const { return tables_ > 0 && tables_ <= MOST_TABLES; }

    // The states of a chunk, 0 or -1.
    void set(int64_t chunk, const Field* states) {
        if (word_[chunk] < 0) return;
        const uint64_t low = _mm512_movepi16_mask(_mm512_loadu_si512(states));
        const uint64_t high = _mm512_movepi16_mask(_mm512_loadu_si512(states + WIDTH / 2));
        bits_[word_[chunk]] = high << 32 | low;
    }

    // Adds up a chunk's neighbours, [slots, 64] weights.
    void add(int64_t chunk, int64_t slots, const Field* weights, Fields& sum) const {
        switch (tables_) {
            case 1: return add_from<1>(chunk, slots, weights, sum);
            case 2: return add_from<2>(chunk, slots, weights, sum);
            case 3: return add_from<3>(chunk, slots, weights, sum);
            case 4: return add_from<4>(chunk, slots, weights, sum);
            case 5: return add_from<5>(chunk, slots, weights, sum);
            case 6: return add_from<6>(chunk, slots, weights, sum);
            case 7: return add_from<7>(chunk, slots, weights, sum);
            default: return add_from<8>(chunk, slots, weights, sum);
        }
    }

private:
    static constexpr int64_t WIDTH = 64, TABLE_BYTES = 128, TABLE_WORDS = TABLE_BYTES / 8;
    struct LookUp {
        alignas(LINE) uint8_t byte[WIDTH], bit[WIDTH];   // of a table
        uint64_t from[MOST_TABLES];                      // lanes that look into each table
    };

    // Lanes without a site look anywhere; their weights are zero.
    void fill(LookUp& look_up, int lane, int64_t place) const {
        const int64_t bit = std::max<int64_t>(word_[place / WIDTH], 0) * WIDTH + place % WIDTH;
        look_up.byte[lane] = static_cast<uint8_t>(bit / 8 % TABLE_BYTES);
        look_up.bit[lane] = static_cast<uint8_t>(1 << bit % 8);
        look_up.from[bit / 8 / TABLE_BYTES] |= uint64_t{1} << lane;
    }

    template <int TABLES>
    void add_from(int64_t chunk, int64_t slots, const Field* weights, Fields& sum) const {
        __m512i table[2 * TABLES];
        for (int t = 0; t < 2 * TABLES; ++t) table[t] = _mm512_load_si512(bits_.get() + 8 * t);
        __m512i low = reinterpret_cast<__m512i>(sum.lanes[0]), high = reinterpret_cast<__m512i>(sum.lanes[1]);
        const LookUp* look_up = look_ups_.get() + first_[chunk];
        for (int64_t s = 0; s < slots; ++s, ++look_up, weights += WIDTH) {
            const __m512i at = _mm512_load_si512(look_up->byte);
            __m512i bytes = _mm512_permutex2var_epi8(table[0], at, table[1]);
#pragma GCC unroll 8
            for (int t = 1; t < TABLES; ++t)
                bytes = _mm512_mask_mov_epi8(bytes, look_up->from[t],
                                             _mm512_permutex2var_epi8(table[2 * t], at, table[2 * t + 1]));
            const uint64_t near = _mm512_test_epi8_mask(bytes, _mm512_load_si512(look_up->bit));
            low = _mm512_mask_add_epi16(low, static_cast<__mmask32>(near), low, _mm512_loadu_si512(weights));
            high = _mm512_mask_add_epi16(high, static_cast<__mmask32>(near >> 32), high,
                                         _mm512_loadu_si512(weights + WIDTH / 2));
        }
        sum.lanes[0] = reinterpret_cast<Fields::Lanes>(low);
        sum.lanes[1] = reinterpret_cast<Fields::Lanes>(high);
    }

    int64_t tables_ = 0;
    std::vector<int64_t> word_, first_;   // [chunks] its word of bits, its first look-up
    Array<uint64_t> bits_{0};             // [tables, 16], a place a bit
    Array<LookUp> look_ups_{0};
};

#endif
