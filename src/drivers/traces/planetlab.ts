import { ParseError } from '../../terms/parse.ts'
import type { Trace } from '../../terms/trace.ts'
import { readTraceFile } from './csv-trace.ts'
import { dataFile, listDataFiles } from './data-folder.ts'

/** The day that is taken when none is named: the one most papers report. */
export const PLANETLAB_DAY_DEFAULT = '20110303'

/** One day of CPU of PlanetLab VMs, March and April 2011 (CoMon; Beloglazov and Buyya, CCPE 24(13), 2012): 288 steps of
 *  300 s, rows in byte order of the file names, as CloudSim's VM types depend on it. */
export function readPlanetlabDay(day: string, dataFolder: string | undefined, isStrict = false): Trace {
  if (!/^\d{8}$/.test(day))
    throw new ParseError('--trace', `planetlab/${day}`, `Expected a day such as planetlab/${PLANETLAB_DAY_DEFAULT}.`)
  return readTraceFile(dataFile(dataFolder, `planetlab/${day}.csv.gz`, 'planetlab'), {
    name: `planetlab/${day}`,
    isStrict,
    notes: [
      `PlanetLab VMs of ${day} (CoMon; Beloglazov and Buyya 2012); CPU is nearly white noise, which no forecast foresees`,
    ],
  })
}

/** The days at hand, sorted. */
export function planetlabDays(dataFolder: string | undefined): readonly string[] {
  return listDataFiles(dataFolder, 'planetlab', /^\d{8}\.csv(\.gz)?$/).map((name) => name.slice(0, 8))
}
