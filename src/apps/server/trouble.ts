/** What is wrong with this server at present, told by whoever finds it: while there is anything, it is `degraded` and nothing is started. */

export interface Trouble {
  /** A sentence each, without secrets; empty: all is well. */
  list(): readonly string[]
  /** Says what is wrong, under a key by which it is taken back. The same key again replaces the sentence. */
  add(key: string, sentence: string): void
  clear(key: string): void
}

export class Troubles implements Trouble {
  private readonly sentences = new Map<string, string>()
  private readonly changed: (key: string, sentence: string | undefined) => void

  /** @param changed told of each trouble that begins, and with undefined of each that ends */
  constructor(changed: (key: string, sentence: string | undefined) => void = () => undefined) {
    this.changed = changed
  }

  list(): readonly string[] {
    return [...this.sentences.values()]
  }

  add(key: string, sentence: string): void {
    const isNew = !this.sentences.has(key)
    this.sentences.set(key, sentence)
    if (isNew) this.changed(key, sentence)
  }

  clear(key: string): void {
    if (this.sentences.delete(key)) this.changed(key, undefined)
  }
}
