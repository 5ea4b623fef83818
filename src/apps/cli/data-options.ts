/** How commands that run beside a server name what it keeps. */

export const DATA = ['--data <folder>', 'the server’s data folder'] as const
export const STORE = [
  '--store <url>',
  'postgres://... that several servers share; default: $ETHOS_STORE, else the file in --data',
] as const
export const JSON_OPTION = ['--json', 'for programs'] as const

export interface DataOption {
  readonly data: string
  readonly store?: string
}

export interface ListOptions extends DataOption {
  readonly json?: boolean
}
