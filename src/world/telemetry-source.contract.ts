import assert from 'node:assert/strict'
import type { Inventory } from '../terms/cluster.ts'
import { RESOURCES } from '../terms/sample.ts'
import type { Clock } from './clock.ts'
import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'
import type { TelemetrySource } from './telemetry-source.ts'

/** A source that has something to tell, and the inventory it tells it of. */
export interface TelemetrySubject extends Disposable {
  readonly telemetry: TelemetrySource
  readonly clock: Clock
  readonly inventory: () => Promise<Inventory>
  /** Lets at least one more window be measured. */
  readonly pass: () => Promise<void>
}

/** What every source of telemetry must do. */
export function telemetrySourceContract(
  name: string,
  make: () => Promise<TelemetrySubject>,
  options: ContractOptions = {},
): void {
  registerContract(`${name} is a telemetry source`, make, SENTENCES, options)
}

const SENTENCES: Sentences<TelemetrySubject> = {
  'every column is parallel to the list of VMs': async ({ telemetry, inventory }) => {
    const seen = await inventory()
    const { samples } = await telemetry.read(seen)
    for (const resource of RESOURCES) {
      assert.equal(samples.columns[resource]?.length ?? seen.vms.length, seen.vms.length, resource)
    }
  },
  'what is measured is a finite level or rate, never below zero; what is not is NaN': async (subject) => {
    const { samples } = await subject.telemetry.read(await subject.inventory())
    for (const resource of RESOURCES) {
      const column = samples.columns[resource] ?? []
      for (const value of column) assert.ok(Number.isNaN(value) || (Number.isFinite(value) && value >= 0), resource)
    }
  },
  'a window is not empty and has ended': async ({ telemetry, clock, inventory }) => {
    const { samples } = await telemetry.read(await inventory())
    assert.ok(samples.windowMs > 0)
    assert.ok(samples.at <= clock.now())
  },
  'a later read never tells of an earlier window': async ({ telemetry, inventory, pass }) => {
    const before = await telemetry.read(await inventory())
    await pass()
    const after = await telemetry.read(await inventory())
    assert.ok(after.samples.at > before.samples.at)
  },
  'VMs are told in the order of the inventory that was asked about': async ({ telemetry, inventory }) => {
    const seen = await inventory()
    const reversed = { ...seen, vms: seen.vms.toReversed(), hostOf: seen.hostOf.toReversed() }
    const forwards = await telemetry.read(seen)
    const backwards = await telemetry.read(reversed)
    assert.deepEqual(backwards.samples.columns.cpu?.toReversed(), forwards.samples.columns.cpu)
  },
  'a vector is handed out once': async ({ telemetry, inventory }) => {
    const seen = await inventory()
    const first = await telemetry.read(seen)
    const second = await telemetry.read(seen)
    for (const vector of second.personalities) assert.ok(!first.personalities.includes(vector))
  },
}
