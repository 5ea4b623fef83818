/** Recorded demand by VM and slot of five minutes, in the unit of the recording; NaN: nobody measured. */
import { join } from 'node:path'
import { byteValues, readByteGrid } from '../../src/drivers/traces/byte-grid.ts'
import { findDataFolder, PROJECT_FOLDER } from '../../src/drivers/traces/data-folder.ts'
import { DAY_SLOTS } from '../../src/engine/forecast/demand/demand-memory.ts'

export interface DemandGrid {
  readonly name: string
  readonly slots: number
  /** One a VM. */
  readonly series: readonly Float32Array[]
  /** First and last slots: learned from, then told apart by time, scored. */
  readonly train: readonly [number, number]
  readonly test: readonly [number, number]
}

/** What is there: the set that ships, and those of the data folder. @param folder `--data` */
export function readGrids(folder?: string): readonly DemandGrid[] {
  const azure = readGrid(join(PROJECT_FOLDER, 'traces', 'azure-v1', 'microsoft_avg_70.u8.gz'), {
    name: 'Azure CPU',
    vms: 70,
    slots: 8004,
    train: [8, 20],
    test: [22, 27],
    valueOf: (byte) => byte / 2,
  })
  const data = findDataFolder(folder === undefined ? {} : { option: folder })
  if (data === undefined) return [azure]
  const file = join(data, 'bitbrains_rnd_2013_08', 'cpu.u8.gz')
  const shape = { vms: 350, slots: 8640, train: [8, 19], test: [20, 29] } as const
  return [azure, readGrid(file, { name: 'Bitbrains CPU', ...shape, valueOf: (byte) => byte / 2 })]
}

interface Shape {
  readonly name: string
  readonly vms: number
  readonly slots: number
  /** In days. */
  readonly train: readonly [number, number]
  readonly test: readonly [number, number]
  readonly valueOf: (byte: number) => number
}

function readGrid(path: string, { name, vms, slots, train, test, valueOf }: Shape): DemandGrid {
  const { bytes } = readByteGrid(path, vms, slots)
  const values = byteValues(valueOf)
  const series = Array.from({ length: vms }, (_, v) =>
    Float32Array.from({ length: slots }, (_, t) => values[bytes[v * slots + t]]),
  )
  return { name, slots, series, train: inSlots(train), test: inSlots(test) }
}

function inSlots([from, to]: readonly [number, number]): readonly [number, number] {
  return [from * DAY_SLOTS, to * DAY_SLOTS]
}
