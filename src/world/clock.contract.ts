import assert from 'node:assert/strict'
import type { Clock } from './clock.ts'
import { type ContractOptions, type Disposable, registerContract, type Sentences } from './register.contract.ts'

/** A clock, and how long a test may sleep on it. */
export interface ClockSubject extends Disposable {
  readonly clock: Clock
  readonly napMs: number
}

/** What every clock must do. */
export function clockContract(name: string, make: () => Promise<ClockSubject>, options: ContractOptions = {}): void {
  registerContract(`${name} is a clock`, make, SENTENCES, options)
}

const SENTENCES: Sentences<ClockSubject> = {
  'an instant is a finite number of milliseconds': async ({ clock }) => {
    assert.ok(Number.isFinite(clock.now()))
  },
  'sleeping returns when the instant has come, not before': async ({ clock, napMs }) => {
    const at = clock.now() + napMs
    await clock.sleepUntil(at)
    assert.ok(clock.now() >= at, `${clock.now()} is before ${at}`)
  },
  'sleeping until an instant that has passed returns and turns nothing back': async ({ clock, napMs }) => {
    await clock.sleepUntil(clock.now() + napMs)
    const before = clock.now()
    await clock.sleepUntil(before - 1000 * napMs)
    assert.ok(clock.now() >= before)
  },
  'time never goes back': async ({ clock, napMs }) => {
    let last = clock.now()
    for (let i = 0; i < 5; i++) {
      await clock.sleepUntil(last + napMs)
      assert.ok(clock.now() >= last)
      last = clock.now()
    }
  },
}
