import { useCallback, useEffect, useState } from 'react'
import { GridList, GridListItem } from 'react-aria-components'
import { say } from '../session/say-error.ts'
import { useWorkspace } from '../shell/workspace.ts'
import { strings } from '../strings.ts'
import type { Task } from '../sync/types.ts'
import { Button } from '../ui/button.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { useOnline } from '../ui/online.ts'
import { useObservable } from '../ui/value.ts'
import { dayOfInstant, sayDay } from './days.ts'
import { Empty } from './empty.tsx'
import { VIEW_TITLE } from './kept-focus.ts'
import { useToday } from './today.ts'
import styles from './trash-view.module.css'
import { ViewHead } from './view-head.tsx'

type Deleted = Task & { readonly deleted_at: string }
type Content =
  | { readonly state: 'loading' | 'offline' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'loaded'; readonly tasks: readonly Deleted[]; readonly cursor: string | null }

const PAGE = 100
const texts = strings.trash

/** Deleted tasks. The server alone has them, so this view needs a connection. */
export function TrashView() {
  const { client, sync, announcer } = useWorkspace()
  const { state } = useObservable(sync.status)
  const today = useToday()
  const [content, setContent] = useState<Content>({ state: 'loading' })
  const [asking, setAsking] = useState<Deleted | 'all' | null>(null)
  const isOnline = useOnline()
  const isOffline = !isOnline || state === 'offline'

  const load = useCallback(
    async (before: readonly Deleted[], cursor: string | null) => {
      try {
        const query = { limit: PAGE, ...(cursor !== null && { cursor }) }
        const reply = await client.request('GET /api/{user_id}/tasks/trash', { query, attempts: 1 })
        const next = reply.headers.get('next-cursor')
        setContent({ state: 'loaded', tasks: [...before, ...reply.body], cursor: next })
      } catch (error) {
        setContent(
          navigator.onLine ? { state: 'failed', reason: say(error) } : { state: 'offline' },
        )
      }
    },
    [client],
  )

  useEffect(() => {
    if (isOffline) setContent({ state: 'offline' })
    else void load([], null)
  }, [isOffline, load])

  async function act(
    request: () => Promise<unknown>,
    id: string | null,
    said: string,
  ): Promise<void> {
    try {
      await request()
      setContent((old) =>
        old.state === 'loaded'
          ? { ...old, tasks: id === null ? [] : old.tasks.filter((task) => task.id !== id) }
          : old,
      )
      announcer.announce(said, false)
      document.getElementById(VIEW_TITLE)?.focus()
    } catch (error) {
      announcer.announce(say(error), false)
    }
  }

  const restore = ({ id, title }: Deleted) =>
    act(
      () => client.request('POST /api/{user_id}/tasks/trash/{id}/restore', { params: { id } }),
      id,
      strings.announce.restored(title),
    )
  const remove = ({ id, title }: Deleted) =>
    act(
      () => client.request('DELETE /api/{user_id}/tasks/trash/{id}', { params: { id } }),
      id,
      strings.announce.gone(title),
    )
  const empty = () =>
    act(() => client.request('DELETE /api/{user_id}/tasks/trash'), null, strings.announce.emptied)

  return (
    <>
      <ViewHead title={strings.views.trash}>
        {content.state === 'loaded' && content.tasks.length > 0 && (
          <Button look="danger" extraClass={styles.emptyButton} onPress={() => setAsking('all')}>
            {texts.empty}
          </Button>
        )}
      </ViewHead>
      {content.state === 'loading' && <Empty look="loading" />}
      {content.state === 'offline' && (
        <Empty look="offline" title={texts.offline} hint={texts.offlineHint}>
          <Button look="outlined" onPress={() => sync.poke()}>
            {texts.retry}
          </Button>
        </Empty>
      )}
      {content.state === 'failed' && (
        <Empty look="trash" title={texts.failed} hint={content.reason}>
          <Button look="outlined" onPress={() => void load([], null)}>
            {texts.retry}
          </Button>
        </Empty>
      )}
      {content.state === 'loaded' && content.tasks.length === 0 && <Empty look="trash" />}
      {content.state === 'loaded' && content.tasks.length > 0 && (
        <>
          <p className={styles.hint}>{texts.shared}</p>
          <GridList
            className={styles.list ?? ''}
            aria-label={strings.task.list(strings.views.trash)}
            items={content.tasks}
          >
            {(task) => (
              <GridListItem textValue={task.title} className={styles.row ?? ''}>
                <span className={styles.text}>
                  {task.title}
                  <span className={styles.note}>
                    {texts.deletedOn(sayDay(dayOfInstant(task.deleted_at), today))}
                  </span>
                </span>
                <Button look="outlined" onPress={() => void restore(task)}>
                  {texts.restore}
                </Button>
                <Button look="button" extraClass={styles.remove} onPress={() => setAsking(task)}>
                  {texts.remove}
                </Button>
              </GridListItem>
            )}
          </GridList>
          {content.cursor !== null && (
            <Button look="outlined" onPress={() => void load(content.tasks, content.cursor)}>
              {texts.more}
            </Button>
          )}
        </>
      )}
      {asking !== null && (
        <Confirm
          title={asking === 'all' ? texts.emptyTitle : texts.removeTitle}
          body={asking === 'all' ? texts.emptyBody : asking.title}
          action={asking === 'all' ? texts.empty : texts.remove}
          onCancel={() => setAsking(null)}
          onConfirm={() => {
            setAsking(null)
            void (asking === 'all' ? empty() : remove(asking))
          }}
        />
      )}
    </>
  )
}
