import { lazy, Suspense, useState } from 'react';
import type { Command } from '../../store/keys.ts';
import type { ScenarioEntry } from '../../store/scenarios.ts';
import type { Player } from '../../store/player.ts';
import { Inspector } from '../inspector/Inspector.tsx';
import { PlayerRoot } from '../player/PlayerRoot.tsx';
import { Story } from '../story/Story.tsx';
import { Controls } from '../timeline/Controls.tsx';
import { Position, Scrubber } from '../timeline/Scrubber.tsx';
import { PlaceTree } from '../topology/PlaceTree.tsx';
import { Topology } from '../topology/Topology.tsx';
import { useMedia } from '../theme/use-media.ts';
import { PhoneBar, PhoneTabs, type PhoneTab } from './Phone.tsx';
import './workbench.css';

interface WorkbenchProps {
  readonly player: Player;
  readonly chapter: string;
  readonly position: string;
  readonly next: ScenarioEntry | null;
  readonly transcript: boolean;
  readonly onTranscript: (open: boolean) => void;
}

const Ladder = lazy(() => import('../timeline/Ladder.tsx'));
const Transcript = lazy(() => import('../transcript/Transcript.tsx'));
const GoToDialog = lazy(() => import('../dialogs/GoToDialog.tsx'));
const HelpDialog = lazy(() => import('../dialogs/HelpDialog.tsx'));

const MAP_BUTTONS: Partial<Record<Command, string>> = { fit: '.map-fit', 'zoom-in': '.map-in', 'zoom-out': '.map-out' };

type OpenDialog = 'help' | 'go-to' | null;

/** Story, map, inspector, controls and ladder; on a phone the journey first, the map and the tables a tab away. */
export function Workbench({ player, chapter, position, next, transcript, onTranscript }: WorkbenchProps) {
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [searches, setSearches] = useState(0);
  const [tab, setTab] = useState<PhoneTab>('journey');
  const phone = useMedia('(max-width: 640px)');
  const [hidden, setHidden] = useState({ story: false, all: false });
  const onCommand = (command: Command): boolean => {
    if (command === 'help') setDialog('help');
    else if (command === 'go-to') setDialog('go-to');
    else if (command === 'transcript') {
      setSearches(0);
      onTranscript(!transcript);
    } else if (command === 'search') {
      onTranscript(true);
      setSearches(searches + 1);
    } else if (MAP_BUTTONS[command]) document.querySelector<HTMLButtonElement>(MAP_BUTTONS[command])?.click();
    else if (command === 'fullscreen') toggleFullscreen();
    else if (command === 'story') setHidden({ ...hidden, story: !hidden.story });
    else if (command === 'blank') setHidden({ ...hidden, all: !hidden.all });
    else return false;
    return true;
  };
  return (
    <PlayerRoot player={player} onCommand={onCommand} className={`workbench tab-${tab}${transcript ? ' with-transcript' : ''}${hidden.story ? ' without-story' : ''}`} label="Player">
      <PhoneTabs tab={tab} onTab={setTab} />
      <div className="area-story">
        <Story chapter={chapter} position={position} next={next} />
      </div>
      <div className="area-map">
        <PlaceTree />
        <Topology />
      </div>
      <div className="area-transcript">{(phone ? tab === 'journey' : transcript) ? <Suspense><Transcript searches={searches} /></Suspense> : null}</div>
      <div className="area-inspector">
        <Inspector />
      </div>
      <div className="area-time">
        <div className="timeline">
          <Controls />
          <Position />
          <Scrubber />
          <Suspense>
            <Ladder />
          </Suspense>
        </div>
      </div>
      <PhoneBar />
      {hidden.all ? <button type="button" className="blank" aria-label="Show the screen again" autoFocus onClick={() => setHidden({ ...hidden, all: false })} /> : null}
      <Suspense>
        {dialog === 'help' ? <HelpDialog onClose={() => setDialog(null)} /> : null}
        {dialog === 'go-to' ? <GoToDialog onClose={() => setDialog(null)} /> : null}
      </Suspense>
    </PlayerRoot>
  );
}

function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.documentElement.requestFullscreen?.().catch(() => undefined);
}
