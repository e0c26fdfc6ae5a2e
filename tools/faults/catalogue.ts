import { embeddedFullDisk } from './embedded/full-disk.ts'
import {
  embeddedKilled,
  killedAtFirstStart,
  secondContainer,
  secondProcess,
} from './embedded/processes.ts'
import { act, powerCuts } from './perform.ts'
import { clockOfDatabase, clockOfServer } from './postgres/clock.ts'
import { cutAll, cutAt, cutBefore, cutWithin, terminate } from './postgres/cuts.ts'
import { fullDisk } from './postgres/full-disk.ts'
import { burst, exhausted, locked, slow } from './postgres/obstacles.ts'
import { crash, frozen, outage, restart } from './postgres/outages.ts'
import { pooled, pooledRestart, pooledTerminate } from './postgres/pooler.ts'
import { killed, terminated, terminatedTwice, workerKilled } from './postgres/processes.ts'
import { serialization } from './postgres/serialization.ts'
import { lockingMigration, twoVersions } from './postgres/versions.ts'
import { openWithClocks } from './scenes/clocks.ts'
import { openEmbedded } from './scenes/embedded.ts'
import { openEmbeddedOnSmallDisk } from './scenes/embedded-on-small-disk.ts'
import { openOnPostgres } from './scenes/on-postgres.ts'
import { openOnSmallDisk } from './scenes/on-small-disk.ts'
import { openPooled } from './scenes/pooled.ts'
import { openVersions } from './scenes/versions.ts'
import { readerStops } from './streams/reader-stops.ts'

/** The faults that one server survives, one after the other. */
export const ON_ONE_SERVER = [
  ...[cutBefore, cutAt, cutWithin, cutAll, terminate],
  ...[restart, crash, frozen, exhausted, burst, slow, locked, serialization],
]

/** The faults that a server on the embedded database survives. */
export const ON_ONE_EMBEDDED_SERVER = [secondProcess, secondContainer]

const POWER_CUTS = 300

/** Every fault, by its scene. */
export const ACTS = [
  act(
    () => openOnPostgres({ postgresSettings: ['max_connections=40'] }),
    [...ON_ONE_SERVER, readerStops('reader-stops'), outage, terminated, terminatedTwice, killed],
  ),
  act(() => openOnPostgres({ settings: { WEB_CONCURRENCY: '2' }, processes: 2 }), [workerKilled]),
  act(openOnSmallDisk, [fullDisk]),
  act(openWithClocks, [clockOfDatabase, clockOfServer]),
  act(openVersions, [twoVersions, lockingMigration]),
  act(
    () => openEmbedded(),
    [
      ...[embeddedKilled, ...ON_ONE_EMBEDDED_SERVER, readerStops('embedded-reader-stops')],
      killedAtFirstStart,
    ],
  ),
  act(openEmbeddedOnSmallDisk, [embeddedFullDisk]),
  powerCuts(POWER_CUTS),
  act(openPooled, [pooled, pooledTerminate, pooledRestart]),
]
