/** A worker's warning about something that all of them see. The primary logs each text once. */
export interface WarningMessage {
  readonly warnOnce: string
}

export const isWarningMessage = (message: unknown): message is WarningMessage =>
  typeof message === 'object' && message !== null && 'warnOnce' in message
