import type { FastifyInstance } from 'fastify'
import { type Asked, type Database, withAsUser } from '../../database/session.ts'

/** Measures a server from outside: its requests and its statements. */
export interface Observer {
  /** Adds hooks to a server that has no routes yet. */
  watch(app: FastifyInstance): void
  /** Called when statements begin. @returns a function to call when they have ended, with their error. */
  begin(asked: Asked): (error?: unknown) => void
}

/** @returns the database, with an observer that sees every statement of a user. */
export function observed(database: Database, { begin }: Pick<Observer, 'begin'>): Database {
  return withAsUser(database, async (userId, asked) => {
    const end = begin(asked)
    try {
      const answer = await database.asUser(userId, asked)
      end()
      return answer
    } catch (error) {
      end(error)
      throw error
    }
  })
}
