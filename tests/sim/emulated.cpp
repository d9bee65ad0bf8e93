// Runs one job of the native kernel's C interface from a file, for processors that only an emulator has.
//
// argv[1]: a memory image. Its first words are: where the Run lies, where the Work lies, where the states lie, their
// bytes, how many pointers there are, and where each of them lies; a pointer holds a place in the image.
// argv[2]: where the states go.
#include <fstream>
#include <iterator>
#include <vector>

#include "kernel.cpp"

int main(int, char** argv) {
    std::ifstream in(argv[1], std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
    Array<char> image(bytes.size());
    std::memcpy(image.get(), bytes.data(), bytes.size());
    const int64_t* head = reinterpret_cast<const int64_t*>(image.get());
    for (int64_t k = 0; k < head[4]; ++k) {
        int64_t& pointer = *reinterpret_cast<int64_t*>(image.get() + head[5 + k]);
        pointer += reinterpret_cast<int64_t>(image.get());
    }
    Chains* chains = thermofab_open(reinterpret_cast<const Run*>(image.get() + head[0]), 2);
    const int32_t stop = 0;
    if (!chains || !thermofab_work(chains, reinterpret_cast<const Work*>(image.get() + head[1]), 2, &stop)) return 1;
    std::ofstream(argv[2], std::ios::binary).write(image.get() + head[2], head[3]);
    thermofab_close(chains);
}
