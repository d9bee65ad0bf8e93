/* See thermofab.h. */
#include "thermofab.h"

#define START 1u
#define ABORT 2u
#define BUSY 1u
#define DONE 2u
#define QUIET 16u /* looks at the stream without a word after which it is taken to be empty, of an idle fabric */

bool thermofab_mmio_write(void *context, uint32_t address, uint32_t data) {
    ((struct thermofab_mmio *)context)->registers[address] = data;
    return true;
}

bool thermofab_mmio_read(void *context, uint32_t address, uint32_t *data) {
    *data = ((struct thermofab_mmio *)context)->registers[address];
    return true;
}

static enum thermofab_result read_word(const struct thermofab_bus *bus, uint32_t address, uint32_t *data) {
    return bus->read(bus->context, address, data) ? THERMOFAB_OK : THERMOFAB_BUS;
}

static enum thermofab_result write_all(const struct thermofab_bus *bus, const struct thermofab_pair *writes,
                                       uint32_t count) {
    for (uint32_t k = 0; k < count; ++k)
        if (!bus->write(bus->context, writes[k].address, writes[k].data)) return THERMOFAB_BUS;
    return THERMOFAB_OK;
}

static bool spent(const struct thermofab_bus *bus, uint32_t looks) {
    return bus->patience != 0 && looks >= bus->patience;
}

enum thermofab_result thermofab_identify(const struct thermofab_bus *bus, const struct thermofab_program *program) {
    for (uint32_t k = 0; k < program->identity_count; ++k) {
        uint32_t found = 0;
        enum thermofab_result result = read_word(bus, program->identity[k].address, &found);
        if (result != THERMOFAB_OK) return result;
        if (found != program->identity[k].data)
            return k == 0 ? THERMOFAB_ABSENT : k == 1 ? THERMOFAB_VERSION : THERMOFAB_OTHER;
    }
    return THERMOFAB_OK;
}

enum thermofab_result thermofab_poll(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                     bool *busy) {
    uint32_t status = 0;
    enum thermofab_result result = read_word(bus, program->status, &status);
    *busy = (status & BUSY) != 0;
    return result;
}

enum thermofab_result thermofab_wait(const struct thermofab_bus *bus, const struct thermofab_program *program) {
    for (uint32_t looks = 1;; ++looks) {
        bool busy = true;
        enum thermofab_result result = thermofab_poll(bus, program, &busy);
        if (result != THERMOFAB_OK || !busy) return result;
        if (spent(bus, looks)) return THERMOFAB_TIMEOUT;
    }
}

enum thermofab_result thermofab_abort(const struct thermofab_bus *bus, const struct thermofab_program *program) {
    if (!bus->write(bus->context, program->control, ABORT)) return THERMOFAB_BUS;
    enum thermofab_result result = thermofab_wait(bus, program);
    for (uint32_t looks = 0; result == THERMOFAB_OK && looks < QUIET; ++looks) {
        uint32_t dropped;
        int said = bus->take(bus->context, &dropped);
        if (said < 0) result = THERMOFAB_STREAM;
        if (said > 0) looks = 0;
    }
    return result;
}

enum thermofab_result thermofab_load(const struct thermofab_bus *bus, const struct thermofab_program *program) {
    enum thermofab_result result = thermofab_abort(bus, program);
    if (result != THERMOFAB_OK) return result;
    if (program->step_count < 2 || program->steps[1].count == 0) return THERMOFAB_SHORT;
    return write_all(bus, program->steps[1].writes, program->steps[1].count - 1);
}

enum thermofab_result thermofab_start(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                      uint32_t run) {
    if (run + 1 >= program->step_count) return THERMOFAB_SHORT;
    if (run == 0) return bus->write(bus->context, program->control, START) ? THERMOFAB_OK : THERMOFAB_BUS;
    return write_all(bus, program->steps[run + 1].writes, program->steps[run + 1].count);
}

enum thermofab_result thermofab_collect(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                        uint32_t *words, uint32_t count) {
    uint32_t looks = 0;
    for (uint32_t got = 0; got < count;) {
        int said = bus->take(bus->context, &words[got]);
        if (said < 0) return THERMOFAB_STREAM;
        if (said > 0) {
            ++got;
            looks = 0;
        } else if (spent(bus, ++looks)) {
            bool busy = true;
            enum thermofab_result result = thermofab_poll(bus, program, &busy);
            if (result != THERMOFAB_OK) return result;
            return busy ? THERMOFAB_TIMEOUT : THERMOFAB_ENDED;
        }
    }
    return THERMOFAB_OK;
}

enum thermofab_result thermofab_errors(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                       uint32_t *errors) {
    enum thermofab_result result = read_word(bus, program->errors, errors);
    if (result != THERMOFAB_OK) return result;
    return *errors == 0 ? THERMOFAB_OK : THERMOFAB_REFUSED;
}

enum thermofab_result thermofab_cycles(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                       uint64_t *cycles) {
    uint32_t low = 0, high = 0;
    enum thermofab_result result = read_word(bus, program->cycles, &low);
    if (result == THERMOFAB_OK) result = read_word(bus, program->cycles + 1, &high);
    *cycles = (uint64_t)high << 32 | low;
    return result;
}

enum thermofab_result thermofab_run(const struct thermofab_bus *bus, const struct thermofab_program *program,
                                    uint32_t *words, uint32_t room) {
    enum thermofab_result result = thermofab_identify(bus, program);
    if (result != THERMOFAB_OK) return result;
    if (room / program->sample_words < program->samples) return THERMOFAB_SHORT;
    result = thermofab_load(bus, program);
    for (uint32_t run = 0; result == THERMOFAB_OK && run + 1 < program->step_count; ++run) {
        const struct thermofab_step *step = &program->steps[run + 1];
        uint32_t status = 0, errors = 0;
        result = thermofab_start(bus, program, run);
        /* A refused write would make samples of another program: it is told before they are taken. */
        if (result == THERMOFAB_OK) result = thermofab_errors(bus, program, &errors);
        if (result == THERMOFAB_OK) result = thermofab_collect(bus, program, words, step->words);
        if (result == THERMOFAB_OK) result = thermofab_wait(bus, program);
        if (result == THERMOFAB_OK) result = thermofab_errors(bus, program, &errors);
        if (result == THERMOFAB_OK) result = read_word(bus, program->status, &status);
        if (result == THERMOFAB_OK && !(status & DONE)) result = THERMOFAB_ENDED;
        words += step->words;
    }
    return result;
}

bool thermofab_bit(const uint32_t *sample, uint32_t bit) { return (sample[bit / 32] >> bit % 32 & 1u) != 0; }

uint16_t thermofab_state(const struct thermofab_program *program, const uint32_t *sample, uint32_t node) {
    const struct thermofab_node *read = &program->nodes[node];
    uint32_t code = 0;
    for (uint32_t k = 0; k < read->count; ++k) code = code << 1 | (thermofab_bit(sample, read->bits[k]) ? 1u : 0u);
    return read->states[code];
}

bool thermofab_kept(const struct thermofab_program *program, const uint32_t *sample) {
    for (uint32_t k = 0; k < program->check_count; ++k)
        if (thermofab_bit(sample, program->checks[k].first) != thermofab_bit(sample, program->checks[k].second))
            return false;
    return true;
}

const char *thermofab_text(enum thermofab_result result) {
    switch (result) {
        case THERMOFAB_OK: return "all went well";
        case THERMOFAB_BUS: return "the bus answered with an error";
        case THERMOFAB_STREAM: return "the stream of samples failed";
        case THERMOFAB_ABSENT: return "no fabric answers at this address";
        case THERMOFAB_VERSION: return "the fabric has another version of the register map or of its arithmetic";
        case THERMOFAB_OTHER: return "the fabric is another than the program's";
        case THERMOFAB_TIMEOUT: return "the fabric is busy and gives no news";
        case THERMOFAB_ENDED: return "the run ended before all its words came";
        case THERMOFAB_REFUSED: return "the fabric refused a write or a start";
        case THERMOFAB_SHORT: return "the buffer is too short, or there is no such run";
    }
    return "an unknown result";
}
