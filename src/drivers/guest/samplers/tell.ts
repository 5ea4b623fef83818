import type { Finding, ReadingWriter, SamplerName } from '../sampler.ts'

/** Tells a detail if it was measured: a number that is not finite is absent, and nothing is said. */
export function tell(into: ReadingWriter, name: string, unit: string, value: number): void {
  if (Number.isFinite(value)) into.detail({ name, unit, value })
}

/** What a file of /proc tells, or that it can't be read: the same few words for every sampler. */
export function findingOf(sampler: SamplerName, what: string, path: string, isSeen: boolean): Finding {
  return isSeen
    ? { sampler, what, state: 'seen', because: path }
    : {
        sampler,
        what,
        state: 'absent',
        because: `${path} can not be read`,
        remedy: `mount ${mountOf(path)} in the guest`,
      }
}

function mountOf(path: string): string {
  return path.slice(0, path.indexOf('/', 1))
}
