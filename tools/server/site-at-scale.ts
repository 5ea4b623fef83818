/** Reliability test 27: a large site for a day in one process, and for a minute with a burst as it is served. On a copy of a store with a week of the past. */
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openSite } from '../../src/apps/server/open-site.ts'
import { REPOSITORY } from '../repository.ts'
import { type PastSize, siteWithPast } from './restart.ts'
import { figuresOf, runHours } from './site-day.ts'
import { type MinuteOptions, runMinute } from './site-minute.ts'

type Numbers = Readonly<Record<string, number>>

/** Hours of a site of some size. Throws where a turn is not taken, or not answered from. */
export async function hoursAtScale(size: PastSize, hours: number, say: (what: string) => void): Promise<Numbers> {
  const { folder, site } = await siteWithPast(size, say)
  return onCopy(folder, `hours-${size.vms}`, async (data) => {
    const store = await openSite({ data, isThreaded: true })
    const reading = await openSite({ data })
    try {
      const seen = await runHours({ site, store, reading, from: Date.now(), hours, say })
      return { hosts: size.hosts, vms: size.vms, hours, ...figuresOf(seen) }
    } finally {
      await reading.close()
      await store.close()
    }
  })
}

/** A minute of it as it is served, and a burst. Throws where anything is not answered. */
export async function minuteAtScale(
  size: PastSize,
  about: Pick<MinuteOptions, 'calmSec' | 'burstSec' | 'say'>,
): Promise<Numbers> {
  const { folder, site } = await siteWithPast(size, about.say)
  return onCopy(folder, `minute-${size.vms}`, (data) => runMinute({ site, folder: data, ...about }))
}

async function onCopy<T>(of: string, name: string, use: (folder: string) => Promise<T>): Promise<T> {
  const copy = join(REPOSITORY, 'build', name)
  rmSync(copy, { recursive: true, force: true })
  cpSync(of, copy, { recursive: true })
  chmodSync(copy, 0o700)
  try {
    return await use(copy)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
