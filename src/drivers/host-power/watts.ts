/** Where watts can be read on this machine. */
import type { PowerSource } from '../../terms/host-measurement.ts'
import type { FactFiles } from '../host-facts/fact-files.ts'
import { readWholeNumber } from '../host-facts/fact-files.ts'
import { runTool } from '../host-bench/run-tool.ts'

/** Something that tells watts, as a mean over the span between two calls or at the instant. */
export interface WattMeter {
  readonly powerSource: PowerSource
  readonly explanation: string
  /** Mean watts over about `spanMs`. Absent: it did not tell. */
  measure(spanMs: number): Promise<number | undefined>
}

export interface MeterOptions {
  readonly files: FactFiles
  readonly wait: (ms: number) => Promise<void>
  readonly stop: AbortSignal
  /** A file, or a program, that tells the watts of a meter at the plug. */
  readonly wattsFrom?: string
  /** A program of that name in PATH, if there is one. */
  readonly ipmitoolPath?: string
  /** Milliseconds that never go back. */
  readonly nowMs: () => number
}

const RAPL_FOLDER = '/sys/class/powercap'
const HWMON_FOLDER = '/sys/class/hwmon'
const BATTERY_FOLDER = '/sys/class/power_supply'
const READ_LIMIT_MS = 3000
/** No server draws this much; who answers more counts in another unit. */
const WATTS_MAX = 1e5
/** Looks at a meter of the instant within one span. */
const LOOKS = 4

/** The best of those that answer: the plug, the board's controller, a sensor of the whole, a battery, the CPUs. */
export async function findMeter(options: MeterOptions): Promise<WattMeter | undefined> {
  for (const make of [plugMeter, ipmiMeter, hwmonMeter, batteryMeter, raplMeter]) {
    const meter = make(options)
    // One look tells whether it answers, and not only exists.
    if (meter !== undefined && (await meter.measure(200)) !== undefined) return meter
  }
  return undefined
}

/** A file is read, a program is run without arguments; either tells watts as the first number on its first line. */
function plugMeter({ wattsFrom, files, stop, wait }: MeterOptions): WattMeter | undefined {
  if (wattsFrom === undefined) return undefined
  const look = async () => {
    const text = files.read(wattsFrom)
    const told = text === undefined ? undefined : parseWatts(text)
    if (told !== undefined) return told
    return parseWatts(await quietly('meter', wattsFrom, [], stop))
  }
  return meterOfInstants('meter', `the meter ${wattsFrom}: the whole machine, as far as the meter sees it`, look, wait)
}

function ipmiMeter({ ipmitoolPath, stop, wait }: MeterOptions): WattMeter | undefined {
  if (ipmitoolPath === undefined) return undefined
  const look = async () => readIpmi(await quietly('ipmitool', ipmitoolPath, ['dcmi', 'power', 'reading'], stop))
  return meterOfInstants('ipmi', 'ipmitool dcmi power reading: the whole machine, averaged over seconds', look, wait)
}

/** `    Instantaneous power reading:                   220 Watts`. */
export function readIpmi(text: string): number | undefined {
  return parseWatts(/Instantaneous power reading:\s+(?<watts>\d+) Watts/.exec(text)?.groups?.['watts'] ?? '')
}

/** Power of ACPI's meter of the whole machine (acpi_power_meter), in microwatts; other sensors see parts only. */
function hwmonMeter({ files, wait }: MeterOptions): WattMeter | undefined {
  const folder = files.list(HWMON_FOLDER).find((name) => files.read(`${HWMON_FOLDER}/${name}/name`) === 'power_meter')
  if (folder === undefined) return undefined
  const file = `${HWMON_FOLDER}/${folder}/device/power1_average`
  const look = async () =>
    fromMicrowatts(readWholeNumber(files, file) ?? readWholeNumber(files, `${HWMON_FOLDER}/${folder}/power1_average`))
  return meterOfInstants('hwmon', `${file}: the whole machine, by ACPI`, look, wait)
}

function batteryMeter({ files, wait }: MeterOptions): WattMeter | undefined {
  const folder = files
    .list(BATTERY_FOLDER)
    .find((name) => files.read(`${BATTERY_FOLDER}/${name}/status`) === 'Discharging')
  if (folder === undefined) return undefined
  const look = async () => fromMicrowatts(readWholeNumber(files, `${BATTERY_FOLDER}/${folder}/power_now`))
  return meterOfInstants(
    'battery',
    `battery ${folder} while it discharges: the whole machine, its screen included`,
    look,
    wait,
  )
}

interface RaplZone {
  readonly folder: string
  readonly name: string
  readonly rangeMicrojoules: number
}

/** Counters of energy that go round (Intel SDM vol. 3B, 15.10; AMD alike): packages, and memory where it has a counter of its own. */
function raplMeter({ files, wait, nowMs }: MeterOptions): WattMeter | undefined {
  const zones = raplZones(files)
  if (zones.length === 0) return undefined
  const names = zones.map(({ name }) => name).join(', ')
  return {
    powerSource: 'rapl',
    explanation: `RAPL (${names}): CPUs and memory only; fans, disks, cards and losses of the power supply are left out`,
    async measure(spanMs) {
      const before = zones.map((zone) => readWholeNumber(files, `${zone.folder}/energy_uj`))
      const startMs = nowMs()
      await wait(spanMs)
      const passedMs = nowMs() - startMs
      let microjoules = 0
      for (const [i, zone] of zones.entries()) {
        const first = before[i]
        const last = readWholeNumber(files, `${zone.folder}/energy_uj`)
        if (first === undefined || last === undefined) return undefined
        microjoules += last >= first ? last - first : last + zone.rangeMicrojoules - first
      }
      return passedMs <= 0 ? undefined : withinReason(microjoules / 1000 / passedMs)
    },
  }
}

/** Zones `intel-rapl:0`, and their memory `intel-rapl:0:2`; `psys` would count packages twice, cores are part of a package. */
function raplZones(files: FactFiles): readonly RaplZone[] {
  return files.list(RAPL_FOLDER).flatMap((zone) => {
    if (!/^intel-rapl(?::\d+){1,2}$/.test(zone)) return []
    const folder = `${RAPL_FOLDER}/${zone}`
    const name = files.read(`${folder}/name`) ?? ''
    const rangeMicrojoules = readWholeNumber(files, `${folder}/max_energy_range_uj`)
    if (rangeMicrojoules === undefined || !/^(?:package-\d+|dram)$/.test(name)) return []
    return [{ folder, name, rangeMicrojoules }]
  })
}

function meterOfInstants(
  powerSource: PowerSource,
  explanation: string,
  look: () => Promise<number | undefined>,
  wait: (ms: number) => Promise<void>,
): WattMeter {
  return {
    powerSource,
    explanation,
    async measure(spanMs) {
      let sum = 0
      for (let i = 0; i < LOOKS; i++) {
        const watts = await look()
        if (watts === undefined) return undefined
        sum += watts
        if (i < LOOKS - 1) await wait(spanMs / LOOKS)
      }
      return sum / LOOKS
    },
  }
}

async function quietly(tool: string, path: string, words: readonly string[], stop: AbortSignal): Promise<string> {
  try {
    return await runTool({ tool, path, words, limitMs: READ_LIMIT_MS }, stop)
  } catch {
    return ''
  }
}

function parseWatts(text: string): number | undefined {
  const number = /^\s*(?<watts>\d+(?:\.\d+)?)/.exec(text)?.groups?.['watts']
  return number === undefined ? undefined : withinReason(Number(number))
}

function fromMicrowatts(microwatts: number | undefined): number | undefined {
  return microwatts === undefined ? undefined : withinReason(microwatts / 1e6)
}

/** A meter that tells nothing at all is broken: a running machine draws power. */
function withinReason(watts: number): number | undefined {
  return watts > 0 && watts < WATTS_MAX ? watts : undefined
}
