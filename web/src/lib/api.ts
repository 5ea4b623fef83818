/** Asks the server. Whatever it refuses comes as an `ApiFailure` in its own words. */

/** What the server said, or that it said nothing. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  /** 0: nothing was answered. */
  readonly status: number
  readonly code: string
  /** What may help; absent: nobody knows. */
  readonly remedy: string | undefined
  /** What stands instead, where something else was in the way. */
  readonly current: unknown

  constructor(status: number, told: { code?: string; message?: string; remedy?: string }, current?: unknown) {
    super(told.message ?? `The server answered ${status}.`)
    this.status = status
    this.code = told.code ?? 'unknown'
    this.remedy = told.remedy
    this.current = current
  }
}

/** Whatever was thrown while something was asked, as what can be shown. */
export function asFailure(error: unknown): ApiFailure {
  return error instanceof ApiFailure ? error : new ApiFailure(0, { code: 'internal', message: String(error) })
}

export interface ApiOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>

/** One server, and who asks it. */
export class Api {
  /** Shown with whatever changes something. */
  csrf = ''
  /** Whether somebody sits before the page: what it asks by itself keeps no session awake. */
  isAttended: () => boolean = () => true
  /** Heard when the server says that nobody is signed in. */
  onSignedOut: (() => void) | undefined
  private readonly fetch: Fetch

  constructor(fetch: Fetch = (path, init) => globalThis.fetch(path, init)) {
    this.fetch = fetch
  }

  /** @param path begins with a slash; parts of it are encoded by `path` */
  async ask<Answer>(path: string, { method = 'GET', body, signal }: ApiOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (method !== 'GET') headers['x-ethos-csrf'] = this.csrf
    if (!this.isAttended()) headers['x-ethos-unattended'] = '1'
    if (body !== undefined) headers['content-type'] = 'application/json'
    let response: Response
    try {
      response = await this.fetch(path, {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw new ApiFailure(0, {
        code: 'unreachable',
        message: 'The server does not answer.',
        remedy: 'What is shown is what was last heard. It is asked again by itself.',
      })
    }
    if (response.status === 401) this.onSignedOut?.()
    const json = await readJson(response)
    if (!response.ok) {
      const { error, current } = (json ?? {}) as { error?: object | string; current?: unknown }
      throw new ApiFailure(response.status, typeof error === 'object' ? error : {}, current)
    }
    return json as Answer
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** A path with its parts encoded: path`/v1/vms/${name}/hosts`. */
export function path(strings: TemplateStringsArray, ...parts: readonly (string | number)[]): string {
  return strings.reduce((text, string, i) => text + encodeURIComponent(String(parts[i - 1])) + string)
}

/** With what is given as a query; what is undefined is left out. */
export function withQuery(
  base: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${encodeURIComponent(String(value))}`],
  )
  return given.length === 0 ? base : `${base}?${given.join('&')}`
}
