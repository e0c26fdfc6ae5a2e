/** Keep-alive connections, each with one request under way at a time. */
export const CONNECTIONS = 64

export interface LoadOrder {
  readonly url: string
  /** A whole number: wrk takes no other. */
  readonly seconds: number
}

export interface LoadResult {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests without an answer, or with another than 2xx. */
  readonly failures: number
}

/** A list of requests sent over and over, from a process of its own. */
export interface Load {
  /** @throws when a single request fails: a benchmark of errors says nothing. */
  run(order: LoadOrder): Promise<LoadResult>
  stop(): void
}
