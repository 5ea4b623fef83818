/** As much of XML as libvirt writes, read strictly and within bounds: elements, attributes, text, CDATA, comments; no DTD, hence no entities but the five
 *  of XML itself and numbers. */
import { ParseError } from '../../../terms/parse.ts'

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string
  readonly namespace: string
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Its own text, that of its children left out. */
  readonly text: string
  /** From its `<` to behind its end, as it was written. */
  readonly source: string
}

const CHARACTERS_MAX = 4_194_304
const DEPTH_MAX = 100
const ELEMENTS_MAX = 50_000
const NAMED: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
])
/** Sticky: each is tried at one place only, and none can be slow. */
const NAME = '[A-Za-z_][\\w.:-]*'
const OPEN = new RegExp(`<(${NAME})`, 'y')
const ATTRIBUTE = new RegExp(`\\s+(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'y')
const OPEN_END = /\s*(\/?)>/y
const CLOSE = new RegExp(`</(${NAME})\\s*>`, 'y')
const SKIPPED: readonly (readonly [begin: string, end: string])[] = [
  ['<!--', '-->'],
  ['<?', '?>'],
]
const CDATA = ['<![CDATA[', ']]>'] as const

interface Building {
  readonly qualified: string
  readonly name: string
  readonly namespace: string
  readonly attributes: ReadonlyMap<string, string>
  readonly namespaces: ReadonlyMap<string, string>
  readonly children: XmlElement[]
  readonly start: number
  text: string
}

/** The root element. Throws a `ParseError`. @param place what it is, for messages */
export function parseXml(source: string, place: string): XmlElement {
  if (source.length > CHARACTERS_MAX) {
    throw new ParseError(place, source.length, `Expected at most ${CHARACTERS_MAX} characters of XML.`)
  }
  return new Reader(source, place).read()
}

export function childrenOf(element: XmlElement | undefined, name?: string): readonly XmlElement[] {
  const children = element?.children ?? []
  return name === undefined ? children : children.filter((child) => child.name === name)
}

/** The first of a name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name)
}

export function textOf(element: XmlElement | undefined): string {
  return element?.text.trim() ?? ''
}

export function attributeOf(element: XmlElement | undefined, name: string): string | undefined {
  return element?.attributes.get(name)
}

class Reader {
  private readonly source: string
  private readonly place: string
  private readonly open: Building[] = []
  private at = 0
  private elements = 0

  constructor(source: string, place: string) {
    this.source = source
    this.place = place
  }

  read(): XmlElement {
    while (this.at < this.source.length) {
      const root = this.source[this.at] === '<' ? this.markup() : this.characters()
      if (root !== undefined) return this.finish(root)
    }
    throw this.wrong('It ends within an element.')
  }

  /** The root, once it is closed. */
  private markup(): XmlElement | undefined {
    for (const [begin, end] of SKIPPED) {
      if (!this.source.startsWith(begin, this.at)) continue
      this.skipTo(end, begin)
      return undefined
    }
    if (this.source.startsWith(CDATA[0], this.at)) {
      const from = this.at + CDATA[0].length
      this.skipTo(CDATA[1], CDATA[0])
      this.add(this.source.slice(from, this.at - CDATA[1].length))
      return undefined
    }
    const closed = this.match(CLOSE)
    return closed === undefined ? this.openElement() : this.closeElement(closed[1] ?? '')
  }

  private characters(): undefined {
    const next = this.source.indexOf('<', this.at)
    const end = next < 0 ? this.source.length : next
    const text = this.source.slice(this.at, end)
    if (this.open.length === 0 && text.trim() !== '') throw this.wrong('Text outside of all elements.')
    this.add(this.decode(text))
    this.at = end
    return undefined
  }

  private openElement(): XmlElement | undefined {
    const start = this.at
    const qualified = this.match(OPEN)?.[1]
    if (qualified === undefined) throw this.wrong('What begins with < here is nothing that libvirt writes.')
    if (++this.elements > ELEMENTS_MAX || this.open.length >= DEPTH_MAX) {
      throw this.wrong(`More than ${ELEMENTS_MAX} elements, or more than ${DEPTH_MAX} within each other.`)
    }
    const attributes = new Map<string, string>()
    for (let found = this.match(ATTRIBUTE); found !== undefined; found = this.match(ATTRIBUTE)) {
      const name = found[1] ?? ''
      if (attributes.has(name)) throw this.wrong('An attribute is there twice.')
      attributes.set(name, this.decode(found[2] ?? found[3] ?? ''))
    }
    const end = this.match(OPEN_END)
    if (end === undefined) throw this.wrong('A tag does not end.')
    const namespaces = within(this.open.at(-1)?.namespaces, attributes)
    const [prefix, name] = split(qualified)
    const namespace = namespaces.get(prefix) ?? ''
    this.open.push({ qualified, name, namespace, attributes, namespaces, children: [], start, text: '' })
    return end[1] === '/' ? this.closeElement(qualified) : undefined
  }

  private closeElement(qualified: string): XmlElement | undefined {
    const closed = this.open.pop()
    if (closed?.qualified !== qualified) throw this.wrong('A tag closes what is not open.')
    const { name, namespace, attributes, children, text, start } = closed
    const element = { name, namespace, attributes, children, text, source: this.source.slice(start, this.at) }
    const parent = this.open.at(-1)
    if (parent === undefined) return element
    parent.children.push(element)
    return undefined
  }

  private finish(root: XmlElement): XmlElement {
    const rest = this.source.slice(this.at).replaceAll(/<!--[^]*?-->/g, '')
    if (rest.trim() !== '') throw this.wrong('Something follows the root element.')
    return root
  }

  private add(text: string): void {
    const parent = this.open.at(-1)
    if (parent !== undefined) parent.text += text
  }

  private skipTo(end: string, begin: string): void {
    const found = this.source.indexOf(end, this.at + begin.length)
    if (found < 0) throw this.wrong(`${begin} does not end.`)
    this.at = found + end.length
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.source) ?? undefined
    if (found !== undefined) this.at += found[0].length
    return found
  }

  private decode(text: string): string {
    return text.replaceAll(/&([^;&]{0,10});?/g, (whole, name: string) => {
      const plain = NAMED.get(name) ?? characterOf(name)
      if (plain === undefined || !whole.endsWith(';')) throw this.wrong('An entity that is none of XML itself.')
      return plain
    })
  }

  /** Where, and not what stands there: a description can hold what is nobody's business. */
  private wrong(what: string): ParseError {
    return new ParseError(this.place, `character ${this.at}`, what)
  }
}

function split(qualified: string): readonly [prefix: string, name: string] {
  const colon = qualified.indexOf(':')
  return colon < 0 ? ['', qualified] : [qualified.slice(0, colon), qualified.slice(colon + 1)]
}

/** Prefixes that are known within an element: '' is the one without. */
function within(
  outer: ReadonlyMap<string, string> = new Map(),
  attributes: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const own = [...attributes].filter(([name]) => name === 'xmlns' || name.startsWith('xmlns:'))
  return own.length === 0 ? outer : new Map([...outer, ...own.map(([name, uri]) => [name.slice(6), uri] as const)])
}

function characterOf(name: string): string | undefined {
  const digits = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(name)
  if (digits === null) return undefined
  const code = digits[1] === undefined ? Number(digits[2]) : Number.parseInt(digits[1], 16)
  return code > 0 && code <= 0x10_ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : undefined
}
