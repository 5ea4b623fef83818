/** The policy while somebody edits it: what stands, the draft, what speaks against it, what it would have done, and what came between. */
import type { PolicyCheckView } from '../../../src/apps/server/views/preview.ts'
import type { PolicyView } from '../../../src/apps/server/views/site.ts'
import type { Policy } from '../../../src/terms/policy.ts'
import { type Api, ApiFailure, asFailure } from './api.ts'
import {
  changesBetween,
  draftOf,
  goOnFrom,
  type PolicyDraft,
  type PolicyJson,
  type Problem,
  readDraft,
  readPolicy,
} from './policy-draft.ts'
import { PreviewRun } from './preview-run.svelte.ts'
import { fieldsOf, numberOf } from './told.ts'

/** After the last key, before the server is asked whether all rules can be kept. */
const CHECK_MS = 400

export class PolicyEditor {
  /** What stood as the draft was begun. */
  base: PolicyView | undefined = $state.raw()
  draft: PolicyDraft | undefined = $state.raw()
  check: PolicyCheckView | undefined = $state.raw()
  /** Set by somebody else since. */
  standing: PolicyView | undefined = $state.raw()
  /** Fields that both changed, by path. */
  clashes: readonly string[] = $state.raw([])
  failure: ApiFailure | undefined = $state.raw()
  isSaving = $state(false)
  /** What was just saved, in words. */
  done = $state('')
  readonly preview: PreviewRun
  private readonly api: Api
  private timer: ReturnType<typeof setTimeout> | undefined
  private asked = 0

  readonly basePolicy: Policy | undefined = $derived(readOr(this.base))
  readonly read = $derived(this.draft === undefined ? undefined : readDraft(this.draft))
  readonly changes = $derived(
    this.basePolicy === undefined || this.read?.policy === undefined
      ? []
      : changesBetween(this.basePolicy, readPolicy(this.read.policy)),
  )
  /** Also where it can't be understood yet. */
  readonly isChanged = $derived(
    this.basePolicy !== undefined &&
      this.draft !== undefined &&
      JSON.stringify(draftOf(this.basePolicy)) !== JSON.stringify(this.draft),
  )

  constructor(api: Api) {
    this.api = api
    this.preview = new PreviewRun(api)
  }

  /** What the server says stands: taken over where nothing is being edited, and held beside where something is. */
  hear(view: PolicyView): void {
    // What was asked before the last save is older than what that answered.
    if (this.base !== undefined && view.version <= this.base.version) return
    if (this.base === undefined || !this.isChanged) this.begin(view)
    else this.standing = view
  }

  /** What the fields say against themselves; and what the server says, of this draft. */
  problemsOf(place: string): readonly Problem[] {
    const told = [...(this.read?.problems ?? []), ...(this.check?.problems ?? [])]
    return told.filter((problem) => problem.place === place || problem.place === `policy.${place}`)
  }

  set(path: string, text: string): void {
    if (this.draft !== undefined) this.edit({ ...this.draft, texts: { ...this.draft.texts, [path]: text } })
  }

  edit(draft: PolicyDraft): void {
    this.draft = draft
    this.done = ''
    this.failure = undefined
    this.forgetCheck()
    this.timer = setTimeout(() => void this.ask(), CHECK_MS)
  }

  discard(): void {
    if (this.isSaving) return
    const view = this.standing ?? this.base
    if (view !== undefined) this.begin(view)
  }

  /** The draft becomes that of an earlier version, to be saved as a new one. */
  goBackTo(view: PolicyView): void {
    this.edit(draftOf(readPolicy(view.policy)))
  }

  /** My changes, on what somebody else has set. */
  goOn(): void {
    const { standing, basePolicy, draft } = this
    const theirs = readOr(standing)
    if (standing === undefined || theirs === undefined || basePolicy === undefined || draft === undefined) return
    if (this.isSaving) return
    const { draft: merged, clashes } = goOnFrom(draftOf(basePolicy), draft, draftOf(theirs))
    this.base = standing
    this.standing = undefined
    this.preview.end()
    this.edit(merged)
    this.clashes = clashes
  }

  /** What a preview is asked about; absent: it can't be. */
  get wish(): { readonly policy: PolicyJson } | undefined {
    return this.read?.policy === undefined ? undefined : { policy: this.read.policy }
  }

  async save(): Promise<void> {
    const { base, read, draft } = this
    if (base === undefined || draft === undefined || read?.policy === undefined || this.isSaving) return
    this.isSaving = true
    this.failure = undefined
    try {
      const body = { replaces: base.version, policy: read.policy }
      this.saved(await this.api.ask<PolicyView>('/v1/policy', { method: 'PUT', body }), draft)
    } catch (error) {
      this.failure = asFailure(error)
      const standing = this.failure.status === 409 ? readView(this.failure.current) : undefined
      if (standing !== undefined) this.standing = standing
    } finally {
      this.isSaving = false
    }
  }

  end(): void {
    this.forgetCheck()
    this.preview.end()
  }

  /** `sent` stands from now on, as `view`. What was written while it was saved is the next change. */
  private saved(view: PolicyView, sent: PolicyDraft): void {
    const { draft, standing } = this
    const policy = readOr(view)
    // What was heard meanwhile may be of this very save, or of one that came after it.
    const later = standing !== undefined && standing.version > view.version ? standing : undefined
    if (draft === undefined || draft === sent || policy === undefined) {
      this.begin(later ?? view)
    } else {
      this.begin(view)
      this.standing = later
      this.edit(goOnFrom(sent, draft, draftOf(policy)).draft)
    }
    this.done = `Version ${view.version} stands from now on.`
  }

  private begin(view: PolicyView): void {
    this.forgetCheck()
    this.base = view
    const policy = readOr(view)
    this.draft = policy === undefined ? undefined : draftOf(policy)
    this.standing = undefined
    this.clashes = []
    this.failure = undefined
    this.preview.end()
  }

  /** What was said, or is still being said, is of an older draft. */
  private forgetCheck(): void {
    this.asked++
    this.check = undefined
    clearTimeout(this.timer)
  }

  /** Rules that can't all be kept are explained while one still types. */
  private async ask(): Promise<void> {
    const { wish } = this
    if (wish === undefined || !this.isChanged) return
    const mine = ++this.asked
    try {
      const check = await this.api.ask<PolicyCheckView>('/v1/policy/check', { method: 'POST', body: wish })
      if (mine === this.asked) this.check = check
    } catch (error) {
      if (mine !== this.asked) return
      const text = error instanceof ApiFailure ? error.message : String(error)
      this.check = { isGood: false, problems: [], conflicts: [], unchecked: text }
    }
  }
}

/** Undefined where a later version left what this page can't read. */
function readOr(view: PolicyView | undefined): Policy | undefined {
  if (view === undefined) return undefined
  try {
    return readPolicy(view.policy)
  } catch {
    return undefined
  }
}

/** What stands, where a refusal told it. */
function readView(current: unknown): PolicyView | undefined {
  return numberOf(fieldsOf(current)['version']) === undefined ? undefined : (current as PolicyView)
}
