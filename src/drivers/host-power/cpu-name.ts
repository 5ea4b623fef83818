/** Names of CPUs as SPEC's pages and /proc/cpuinfo write them, made alike. */

/** `Intel(R) Xeon(R) CPU E5-2660 v3 @ 2.60GHz` and `Intel Xeon E5-2660 v3` become `xeon e5-2660 v3`. */
export function normaliseCpuName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/\((?:r|tm)\)|[®™]/g, ' ')
    .replaceAll(/@.*$|,.*$/g, ' ')
    .replaceAll(/\b\d+(?:\.\d+)?\s*[gm]hz\b/g, ' ')
    .replaceAll(/\b(?:\w+|\d+)-core\b/g, ' ')
    .replaceAll(/\b(?:intel|amd|cpu|processor|ampere|genuine)\b/g, ' ')
    .replaceAll(/[^a-z0-9+.-]+/g, ' ')
    .trim()
}

/** The generation that a normalised name belongs to, by its maker's numbering. Absent: the name says none. */
export function cpuFamily(name: string): string | undefined {
  for (const [pattern, family] of FAMILIES) {
    const groups = pattern.exec(name)?.groups
    if (groups !== undefined) return family(groups)
  }
  return undefined
}

type Groups = Readonly<Record<string, string>>

const FAMILIES: readonly (readonly [RegExp, (groups: Groups) => string])[] = [
  [/^xeon (?:platinum|gold|silver|bronze) \d(?<gen>\d)\d\d/, ({ gen }) => `xeon scalable ${gen}`],
  [/^xeon 6\d\d\d(?<kind>[ep])/, ({ kind }) => `xeon 6 ${kind}`],
  [/^xeon (?<line>e[357])-\d{4}[a-z]* ?(?<version>v\d)?/, ({ line, version }) => `xeon ${line} ${version ?? 'v1'}`],
  [/^xeon (?<line>[ed])-(?<gen>\d\d)\d\d/, ({ line, gen }) => `xeon ${line} ${gen}`],
  [/^xeon [elwx]?(?<gen>\d\d)\d\d\b/, ({ gen }) => `xeon ${gen}`],
  [/^epyc (?<line>\d)\w\w(?<gen>\d)/, ({ line, gen }) => `epyc ${line}xx${gen}`],
  [/^opteron(?: x\d)? (?<gen>\d\d)\d\d/, ({ gen }) => `opteron ${gen}`],
  [/^core i\d-(?<gen>\d)\d\d\d\b/, ({ gen }) => `core ${gen}`],
]
