import type { FastifyReply } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { Stored } from '../../models/stored.ts'
import { etagOf } from './conditions.ts'

/** @throws {AppError} `not_found` */
export function found(row: Stored | undefined): Stored {
  if (row === undefined) throw new AppError('not_found')
  return row
}

/** Sends a row as PostgreSQL wrote it, and its `ETag`. */
export function sendStored(reply: FastifyReply, row: Stored): FastifyReply {
  return reply.header('etag', etagOf(row)).type('application/json').send(row.json)
}
