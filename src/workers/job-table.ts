/** Kinds of jobs with what goes in and what comes out. Both sides of the thread boundary are typed by one such table. */
export type JobTable = Readonly<
  Record<string, { readonly input: unknown; readonly result: unknown }>
>

/** The jobs themselves: synchronous and pure, run in a worker thread. */
export type JobRunner<Jobs extends JobTable> = {
  readonly [Kind in keyof Jobs]: (input: Jobs[Kind]['input']) => Jobs[Kind]['result']
}

/** What the pool tells a worker. Messages are handled in order: jobs sent before new keys still use the old ones. */
export type ToWorker =
  | { readonly type: 'keys'; readonly keys: unknown }
  | { readonly type: 'job'; readonly id: number; readonly kind: string; readonly input: unknown }

/** A failure on its way through the thread boundary; see `error-crossing.ts`. */
export interface CrossingError {
  readonly code: string
  readonly message: string
  readonly told: string | undefined
  readonly isTransient: boolean
  readonly retryAfterMs: number | undefined
}

/** What a worker tells the pool. The first answer to keys also says that the worker is ready. */
export type FromWorker =
  | { readonly type: 'keys-loaded' }
  | { readonly type: 'keys-refused'; readonly error: CrossingError }
  | { readonly type: 'done'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: CrossingError }
