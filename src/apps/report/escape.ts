/** Text from outside (names, reasons) as HTML text or attribute value: it can never become markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`]/g, (sign) => ENTITIES[sign] ?? sign)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/** Counts with thousands set apart, measures with three digits that count: `27,859`, `163`, `0.0042`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  if (Number.isInteger(value)) return String(value)
  if (size < 1e-6) return value.toExponential(1)
  return String(Number(value.toPrecision(3)))
}

/** A share as percent: `6.21 %`; what is too small to show is not shown as zero. */
export function formatPercent(fraction: number): string {
  if (!Number.isFinite(fraction)) return '–'
  if (fraction > 0 && fraction < 5e-7) return '< 0.0001 %'
  return `${formatNumber(Number((fraction * 100).toPrecision(3)))} %`
}

/** A span in the largest unit that keeps it whole enough to read. */
export function formatSpan(ms: number): string {
  if (ms < 60_000) return `${formatNumber(ms / 1000)} s`
  if (ms < 2 * 3_600_000) return `${formatNumber(ms / 60_000)} min`
  if (ms <= 48 * 3_600_000) return `${formatNumber(ms / 3_600_000)} h`
  return `${formatNumber(ms / 86_400_000)} days`
}
