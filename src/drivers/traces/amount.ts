/** A number and what it counts: `amount(1, 'gap', 'gaps')` is "1 gap". */
export function amount(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
