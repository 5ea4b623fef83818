/** The main process's side of the platform: what the controller was told of its hosts last. */
import {
  type Fields,
  parseFields,
  parseJson,
  parseList,
  parseOptional,
  parseText,
  parseWord,
} from '../../terms/parse.ts'
import type { AlertDraft } from './alerts.ts'

const REMEDY = {
  'platform-differs':
    'Which of the two is right? `ethos libvirt check` asks the platform anew; `ethos bench host` and a correction say what a host is.',
  'platform-unreachable':
    'Nothing is moved to it or from it until it can be asked. `ethos libvirt check` tries it from the command line.',
  'platform-untold':
    'Plans bar nothing by its word until it tells again; each preflight asks its hosts. `ethos libvirt check` asks them from the command line.',
} as const
const KINDS = Object.keys(REMEDY) as readonly (keyof typeof REMEDY)[]

export class PlatformBoard {
  private byHost: ReadonlyMap<string, Fields> = new Map()
  private found: readonly AlertDraft[] = []

  get alerts(): readonly AlertDraft[] {
    return this.found
  }

  /** What the platform told of a host, and when. Undefined: nothing, or nobody asks it. */
  host(id: string): Fields | undefined {
    return this.byHost.get(id)
  }

  /** What the controller told. Throws a `ParseError` for what it could not have. */
  hear(text: string): void {
    const place = 'platform'
    const fields = parseFields(parseJson(text, place), place)
    const hosts = parseList(fields['hosts'], `${place}.hosts`).map((one) => parseFields(one, `${place}.hosts`))
    this.byHost = new Map(hosts.map((host) => [parseText(host['host'], `${place}.hosts.host`), host]))
    this.found = alertsOf(parseList(fields['differences'], `${place}.differences`), `${place}.differences`)
  }

  /** The controller is gone, or another server's takes the turns. */
  forget(): void {
    this.byHost = new Map()
    this.found = []
  }
}

/** One for each host, or the site, and kind, with all that differs. */
function alertsOf(differences: readonly unknown[], place: string): readonly AlertDraft[] {
  const texts = new Map<string, AlertDraft>()
  for (const one of differences) {
    const fields = parseFields(one, place)
    const kind = parseWord(fields['what'], `${place}.what`, KINDS)
    const host = parseOptional(fields['host'], (name) => parseText(name, `${place}.host`))
    const text = parseText(fields['text'], `${place}.text`)
    const key = JSON.stringify([kind, host])
    const was = texts.get(key)
    const what = was === undefined ? text : `${was.what} ${text}`
    const about = host === undefined ? {} : { about: host }
    texts.set(key, { kind, severity: 'warning', ...about, what, remedy: REMEDY[kind] })
  }
  return [...texts.values()]
}
