/** Memory for what lives briefly: messages, rows, answers. V8 makes it larger step by step, up to 32 MiB a half, over hours of work; a thread or process
 *  that is left to it grows for a day before it stands still, by up to 96 MiB each. 16 MiB a half cost no more CPU on a site of 2,000 VMs, and 4 a quarter
 *  more. */
export const HALF_MIB = 16
/** What V8 calls young are both halves, and as much again as one for what is large. */
const HALVES = 3

/** For a `Worker`. */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: HALVES * HALF_MIB }

/** For a process of its own. */
export const PROCESS_SWITCH = `--max-semi-space-size=${HALF_MIB}`
