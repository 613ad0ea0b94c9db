/** Of everything in bank, register and work place that says a version. docs/bank-format.md is its contract; golden banks of it lie in test/. */
export const FORMAT_VERSION = 1 as const;
