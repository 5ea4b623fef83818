/** The controller's own process in the demo: the same as ever, over the simulated cluster in place of libvirt. */
import { PacedClock } from '../../drivers/paced-clock.ts'
import { runController } from '../server/controller-main.ts'
import { DemoDriver } from './driver.ts'

runController(({ pace, platform = '' }) => {
  if (pace === undefined) throw new Error('The demo was started without a pace.')
  const clock = new PacedClock(pace)
  return { driverOf: () => new DemoDriver(platform, clock), factsReaderOf: asDemo, platformReaderOf: asDemo }
})

/** It is all in one: it moves, reads facts and looks. */
function asDemo(driver: unknown): DemoDriver | undefined {
  return driver instanceof DemoDriver ? driver : undefined
}
