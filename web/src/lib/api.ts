/** Asks the server. Whatever it refuses comes as an `ApiFailure` in its own words. */

import { spanText } from '../../../src/terms/shown.ts'

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

/** So long an answer may take. What changes something may have to ask hosts first. */
const READ_MS_MAX = 30_000
const CHANGE_MS_MAX = 120_000

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
    const { response, text } = await this.exchange(path, method, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (response.status === 401) this.onSignedOut?.()
    const json = readJson(text)
    if (!response.ok) {
      const { error, current } = (json ?? {}) as { error?: object | string; current?: unknown }
      throw new ApiFailure(response.status, typeof error === 'object' ? error : {}, current)
    }
    return json as Answer
  }

  /** Asks and reads the answer to its end, within bounds: a server that hangs leaves no page waiting for ever. */
  private async exchange(
    path: string,
    method: string,
    init: RequestInit,
  ): Promise<{ readonly response: Response; readonly text: string }> {
    const waitMs = method === 'GET' ? READ_MS_MAX : CHANGE_MS_MAX
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), waitMs)
    const { signal } = init
    try {
      const both = signal instanceof AbortSignal ? AbortSignal.any([signal, late.signal]) : late.signal
      const response = await this.fetch(path, { ...init, signal: both })
      return { response, text: await response.text() }
    } catch (error) {
      if (signal?.aborted === true) throw error
      throw unanswered(method, late.signal.aborted, waitMs)
    } finally {
      clearTimeout(timer)
    }
  }
}

function readJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function unanswered(method: string, isLate: boolean, waitMs: number): ApiFailure {
  const remedy =
    method === 'GET'
      ? 'What is shown is what was last heard. It is asked again by itself.'
      : 'It may have been done all the same: look how it stands before you ask again.'
  return isLate
    ? new ApiFailure(0, { code: 'timeout', message: `The server has not answered for ${spanText(waitMs)}.`, remedy })
    : new ApiFailure(0, { code: 'unreachable', message: 'The server does not answer.', remedy })
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
