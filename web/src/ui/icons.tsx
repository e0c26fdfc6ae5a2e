import type { ReactNode } from 'react'

/** The drawings are decoration: the text beside them, or the label of their button, has the meaning. */
function icon(drawing: ReactNode) {
  return function Icon({ size = 20 }: { size?: number }) {
    return (
      <svg
        // In rem, so that it grows with the text.
        width={`${size / 16}rem`}
        height={`${size / 16}rem`}
        viewBox="0 0 20 20"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.5}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {drawing}
      </svg>
    )
  }
}

export const InboxIcon = icon(<path d="M3 11.5 5 4.5h10l2 7v4H3zM3 11.5h4a3 3 0 0 0 6 0h4" />)
export const TodayIcon = icon(
  <>
    <circle cx="10" cy="10" r="3.25" />
    <path d="M10 2.5v1.75M10 15.75v1.75M2.5 10h1.75M15.75 10h1.75M4.7 4.7l1.2 1.2M14.1 14.1l1.2 1.2M15.3 4.7l-1.2 1.2M5.9 14.1l-1.2 1.2" />
  </>,
)
export const CalendarIcon = icon(
  <>
    <rect x="3" y="4" width="14" height="13" rx="2" />
    <path d="M3 8h14M7 2.5V5M13 2.5V5" />
  </>,
)
export const ClockIcon = icon(
  <>
    <circle cx="10" cy="10" r="7" />
    <path d="M10 6v4.25l2.75 1.5" />
  </>,
)
export const AllIcon = icon(
  <path d="M7.5 5.5H17M7.5 10H17M7.5 14.5H17M3.5 5.5h.01M3.5 10h.01M3.5 14.5h.01" />,
)
export const DoneIcon = icon(
  <>
    <circle cx="10" cy="10" r="7.25" />
    <path d="m6.75 10.25 2.25 2.25 4.25-4.75" />
  </>,
)
export const TrashIcon = icon(
  <path d="M3.5 5.5h13M8 5.5V3.5h4v2M5 5.5l.75 11.25h8.5L15 5.5M8.5 9v4.5M11.5 9v4.5" />,
)
export const TagIcon = icon(<path d="M8 3 6.5 17M13.5 3 12 17M3.5 7.25h13.5M3 12.75h13.5" />)
export const SearchIcon = icon(
  <>
    <circle cx="8.75" cy="8.75" r="5.25" />
    <path d="m12.75 12.75 4 4" />
  </>,
)
export const PlusIcon = icon(<path d="M10 4v12M4 10h12" />)
export const MoreIcon = icon(<path d="M4.5 10h.01M10 10h.01M15.5 10h.01" strokeWidth="2.5" />)
export const GripIcon = icon(
  <path d="M7.5 5h.01M7.5 10h.01M7.5 15h.01M12.5 5h.01M12.5 10h.01M12.5 15h.01" strokeWidth="2" />,
)
export const FlagIcon = icon(<path d="M5 17.5v-14h9.5l-2 3.75 2 3.75H5" />)
export const RepeatIcon = icon(
  <path d="M4 8.5a4 4 0 0 1 4-4h7m0 0-2.5-2.25M15 4.5l-2.5 2.25M16 11.5a4 4 0 0 1-4 4H5m0 0 2.5 2.25M5 15.5l2.5-2.25" />,
)
export const OfflineIcon = icon(
  <path d="M6 15.5a3.5 3.5 0 0 1-.5-6.95M8 5.4a5 5 0 0 1 6.6 4.15A3 3 0 0 1 16.4 14M12 15.5H6M3.5 3.5l13 13" />,
)
export const UnsentIcon = icon(
  <>
    <circle cx="10" cy="10" r="6.5" strokeDasharray="2.5 2.6" />
    <path d="M10 7v3.25l2 1.25" />
  </>,
)
export const AlertIcon = icon(
  <>
    <circle cx="10" cy="10" r="7.25" />
    <path d="M10 6.25v4.5M10 13.5h.01" />
  </>,
)
export const SettingsIcon = icon(<path d="M3 6h7M14 6h3M3 14h3M10 14h7M12 4v4M8 12v4" />)
export const CloseIcon = icon(<path d="m5 5 10 10M15 5 5 15" />)
export const ChecklistIcon = icon(
  <path d="m3 5.75 1.25 1.25L6.5 4.5M3 13.25l1.25 1.25L6.5 12M9.5 6H17M9.5 13.5H17" />,
)
export const BrowseIcon = icon(<path d="M3.5 6h13M3.5 10h13M3.5 14h13" />)
export const PersonIcon = icon(
  <>
    <circle cx="10" cy="7" r="3.25" />
    <path d="M3.75 17a6.25 6.25 0 0 1 12.5 0" />
  </>,
)
export const LogoIcon = icon(
  <>
    <rect x="2.5" y="2.5" width="15" height="15" rx="4.5" fill="currentColor" stroke="none" />
    <path d="m6 10.5 2.75 2.75L14.25 7" stroke="var(--on-accent)" strokeWidth="2" />
  </>,
)
