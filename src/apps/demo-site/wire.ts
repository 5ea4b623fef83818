/** How the controller's process speaks to the demo's cluster: a line of JSON for each question, answer, and end of a copy, over a socket of this machine that
 *  its owner alone can open. */
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { OrderId } from '../../terms/ids.ts'
import type { MigrationIntent } from '../../terms/intent.ts'
import type { CallEnd } from '../../world/migration-driver.ts'
import type { DemoPlatform } from './platform.ts'

export const DEMO_VERBS = ['list', 'observe', 'preflight', 'progress', 'cancel', 'facts', 'look'] as const
export type DemoVerb = (typeof DEMO_VERBS)[number]

/** Both ends are this program. */
export type ToCluster =
  | { readonly id: number; readonly verb: DemoVerb; readonly about?: unknown }
  | { readonly id: number; readonly verb: 'migrate'; readonly about: { intent: MigrationIntent; fence: number } }

export type FromCluster =
  | { readonly id: number; readonly value?: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly ended: OrderId; readonly end: CallEnd }

/** Answers whoever connects, until it is closed. */
export class ClusterSocket {
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(platform: DemoPlatform) {
    this.server = createServer((socket) => {
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => this.sockets.delete(socket))
      const say = (message: FromCluster): void => {
        if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
      }
      createInterface({ input: socket }).on('line', (line) => answer(platform, JSON.parse(line) as ToCluster, say))
    })
  }

  static async open(platform: DemoPlatform, path: string): Promise<ClusterSocket> {
    const socket = new ClusterSocket(platform)
    await new Promise<void>((resolve, reject) => {
      socket.server.once('error', reject)
      socket.server.listen(path, resolve)
    })
    return socket
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve())
    })
    for (const socket of this.sockets) socket.destroy()
    await closed
  }
}

function answer(platform: DemoPlatform, asked: ToCluster, say: (message: FromCluster) => void): void {
  const { id } = asked
  try {
    if (asked.verb === 'migrate') {
      const { intent, fence } = asked.about
      const reason = platform.migrate(intent, fence, (end) => say({ ended: intent.order.id, end }))
      say({ id, value: reason })
      return
    }
    const verbs: Readonly<Record<DemoVerb, (about: never) => unknown>> = {
      list: () => platform.list(),
      observe: (about) => platform.observe(about),
      preflight: (about) => platform.preflight(about),
      progress: (about) => platform.progress(about),
      cancel: (about) => platform.cancel(about),
      facts: (about) => platform.facts(about),
      look: () => platform.look(),
    }
    say({ id, value: verbs[asked.verb](asked.about as never) })
  } catch (error) {
    say({ id, error: error instanceof Error ? error.message : String(error) })
  }
}
