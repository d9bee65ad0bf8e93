// Numbers as people read them.

const integers = new Intl.NumberFormat("en-GB"), tenths = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4 });

export const counted = (n) => integers.format(n);
export const labelled = (value) => (Math.abs(value) >= 100 ? tenths : fine).format(value).replace("-", "−");
export const factorOf = (value) => value.toFixed(2);
export const plural = (n, word) => `${counted(n)} ${word}${n === 1 ? "" : "s"}`;
