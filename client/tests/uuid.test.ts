import assert from 'node:assert/strict'
import { it } from 'node:test'
import { validate, version } from 'uuid'
import { newUuid } from '../src/transport/uuid.ts'

it('a new id is a UUID of version 7, and begins with its time', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => newUuid(1_700_000_000_000 + n))
  for (const id of ids) assert.deepEqual([validate(id), version(id)], [true, 7], id)
  assert.deepEqual(ids.toSorted(), ids)
  assert.equal(ids[0]?.slice(0, 13), '018bcfe5-6800')
})
