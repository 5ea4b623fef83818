/** Lists that the server tells in pages, read to their end. */

/** Most pages that are read: 1,000 items each, so that a list of 10,000 VMs is whole, and a server gone wrong does not keep us for ever. */
const PAGES_MAX = 200

/** All items, in the order of the pages.
 *  @param ask for one page; `cursor` is `next` of the one before */
export async function readAll<Item, Page extends { readonly next?: string }>(
  ask: (cursor: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => readonly Item[],
): Promise<readonly Item[]> {
  const all: Item[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await ask(cursor)
    for (const item of itemsOf(page)) all.push(item)
    if (page.next === undefined) return all
    cursor = page.next
  }
  return all
}
