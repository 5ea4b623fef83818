/** What every page shows of the site: how the server is, how much happens by itself, alerts. */
import type { AlertsView } from '../../../src/apps/server/views/judgement.ts'
import type { AutomationView, StatusView } from '../../../src/apps/server/views/site.ts'
import { siteClock } from './clock.svelte.ts'
import { Loaded } from './loaded.svelte.ts'
import { api } from './session.svelte.ts'

const TICK_MS = 1000

class Site {
  status: Loaded<StatusView> | undefined = $state.raw()
  automation: Loaded<AutomationView> | undefined = $state.raw()
  alerts: Loaded<AlertsView> | undefined = $state.raw()
}

export const site = new Site()

/** Begins to ask, for as long as the component that calls it stands. */
export function startSite(): void {
  site.status = new Loaded(
    async (signal) => {
      const status = await api.ask<StatusView>('/v1/status', { signal })
      siteClock.hear(status)
      return status
    },
    { on: ['turn', 'status'] },
  )
  // Turns too: somebody else's kill switch is no event of its own.
  site.automation = new Loaded((signal) => api.ask<AutomationView>('/v1/automation', { signal }), {
    on: ['status', 'turn'],
  })
  site.alerts = new Loaded((signal) => api.ask<AlertsView>('/v1/alerts', { signal }), { on: ['turn', 'alert'] })
  $effect(() => {
    const timer = setInterval(() => siteClock.tick(), TICK_MS)
    return () => {
      clearInterval(timer)
      site.status?.end()
      site.automation?.end()
      site.alerts?.end()
    }
  })
}

/** Stops all automation, and asks how it stands. Whoever reaches for it is not asked first.
 *  @param reason for the audit: which button it was */
export async function pauseAll(reason: string): Promise<undefined> {
  try {
    await api.ask('/v1/automation', { method: 'PUT', body: { isPaused: true, reason } })
  } finally {
    site.automation?.again()
    site.status?.again()
  }
}
