/** The number of keep-alive connections. Each has one request in progress at a time. */
export const CONNECTIONS = 64

export interface LoadOrder {
  readonly url: string
  /** A whole number, because wrk accepts no other. */
  readonly seconds: number
}

export interface LoadResult {
  readonly requests: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Requests without a response, or with a status other than 2xx. */
  readonly failures: number
}

/** A separate process that repeats a list of requests. */
export interface Load {
  /** @throws if a request fails, because the time of errors is meaningless. */
  run(order: LoadOrder): Promise<LoadResult>
  stop(): void
}
