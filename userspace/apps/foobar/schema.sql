-- SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
-- The shop's tables and what it sells, for an empty database: mariadb shop <schema.sql
-- Money is in cents. A product's slug names its picture and its page.
SET NAMES utf8mb4;

CREATE TABLE categories (
	slug VARCHAR(16) NOT NULL PRIMARY KEY,
	name VARCHAR(32) NOT NULL,
	tagline VARCHAR(160) NOT NULL,
	picture VARCHAR(32) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE products (
	id INT UNSIGNED NOT NULL PRIMARY KEY,
	slug VARCHAR(32) NOT NULL UNIQUE,
	category VARCHAR(16) NOT NULL,
	name VARCHAR(64) NOT NULL,
	kind VARCHAR(64) NOT NULL,
	price_cents INT UNSIGNED NOT NULL,
	stock INT UNSIGNED NOT NULL,
	featured TINYINT UNSIGNED NOT NULL DEFAULT 0, -- its place on the home page; 0: not there
	description TEXT NOT NULL,
	facts TEXT NOT NULL, -- one a line
	KEY (category, id),
	FOREIGN KEY (category) REFERENCES categories (slug)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- One row for each checkout token: a form that is sent again cannot order again.
CREATE TABLE orders (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	token CHAR(32) CHARACTER SET ascii NOT NULL UNIQUE,
	name VARCHAR(80) NOT NULL,
	email VARCHAR(120) NOT NULL,
	street VARCHAR(120) NOT NULL,
	postcode VARCHAR(12) NOT NULL,
	city VARCHAR(80) NOT NULL,
	country VARCHAR(40) NOT NULL,
	goods_cents INT UNSIGNED NOT NULL,
	delivery_cents INT UNSIGNED NOT NULL,
	placed_by VARCHAR(32) NOT NULL, -- the application server
	placed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 AUTO_INCREMENT=1001;

-- Name and price as they were when it was ordered.
CREATE TABLE order_lines (
	order_id INT UNSIGNED NOT NULL,
	product_id INT UNSIGNED NOT NULL,
	name VARCHAR(64) NOT NULL,
	price_cents INT UNSIGNED NOT NULL,
	quantity INT UNSIGNED NOT NULL CHECK (quantity > 0),
	PRIMARY KEY (order_id, product_id),
	FOREIGN KEY (order_id) REFERENCES orders (id),
	FOREIGN KEY (product_id) REFERENCES products (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT INTO categories (slug, name, tagline, picture) VALUES
	('workbench', 'Workbench', 'Cut, shape, persuade: hand tools that keep their edge and their temper.', 'baz'),
	('desk', 'Desk', 'Most good things begin with a pencil. Everything for the drawing before the sawing.', 'garply'),
	('storage', 'Storage', 'A place for every bolt, and for the one that was left over.', 'fred'),
	('wear', 'Wear', 'From cap to toe. It protects, it lasts, and it may get dirty.', 'fuga');

INSERT INTO products (id, slug, category, name, kind, price_cents, stock, featured, description, facts) VALUES
	(1, 'foobar', 'workbench', 'Foobar', 'Pry bar, brass edition', 14900, 10, 0,
	'The tool that the shop is named after, in an edition of ten. Forged from a single billet, brass-plated, with a grip of waxed cord and its number stamped by hand. It opens crates, lids and conversations.',
	'Forged carbon steel, brass-plated, 38 cm\nNumbered one to ten, each with its certificate\nNo two customers have the same number'),
	(2, 'thud', 'workbench', 'Thud', 'Joiner’s mallet', 3400, 48, 1,
	'A mallet with one opinion. The head is steamed beech, drilled through and wedged from above, so that the handle grows tighter with each blow. Drives chisels without bruising them.',
	'Steamed beech, handle of ash\nHead 14 × 9 cm, 620 g\nOiled with linseed, not varnished'),
	(3, 'qux', 'workbench', 'Qux', 'Block plane', 8900, 22, 2,
	'Small enough for one hand, heavy enough to do the work by itself. The iron sits at twelve degrees, the mouth opens by a turn of the knob, and shavings come off like paper.',
	'Cast iron body, cap of solid brass\nIron of O1 steel, 35 mm, ground and honed\nSole flat to 0.03 mm'),
	(4, 'baz', 'workbench', 'Baz', 'Dovetail saw', 5200, 31, 3,
	'Twenty teeth to the inch and a back of folded brass that keeps the line straight. Starts without a fight and leaves a cut that needs no cleaning.',
	'Blade 25 cm, 0.5 mm, filed for rip cuts\nBack of folded brass\nHandle of cherry, for any hand'),
	(5, 'corge', 'workbench', 'Corge', 'Try square', 2850, 40, 0,
	'Says whether a corner is one. Rosewood and brass on a blade of hardened steel, true to two hundredths of a millimetre over its length.',
	'Blade 20 cm, graduated in millimetres\nStock of rosewood with a brass face\nChecked one by one, with a note who did it'),
	(6, 'grault', 'workbench', 'Grault', 'Bar clamp', 2400, 64, 0,
	'A third hand that never asks why. The jaw slides freely until there is pressure, and then not at all.',
	'Opens to 40 cm, throat 8 cm\nHolds with up to 450 kg\nHandle of ash, pads included'),
	(7, 'garply', 'desk', 'Garply', 'Desk lamp', 11900, 14, 4,
	'Stays where it is put. Two arms on brass joints, a shade that can be held while it is on, and a light that shows wood as it is.',
	'Warm light, 2700 K, 640 lm, dimmed at the base\nReach 78 cm\nCable of woven cotton, 2 m'),
	(8, 'quux', 'desk', 'Quux', 'Brass ruler', 1800, 75, 5,
	'Ten centimetres are enough for most decisions. Engraved, not printed, and it grows darker where it is held.',
	'Solid brass, 2 mm\nEngraved in millimetres, 10 cm\nA hole to hang it by'),
	(9, 'plugh', 'desk', 'Plugh', 'Dotted notebook', 1450, 120, 0,
	'A book for plans, lists and the third attempt. Opens flat on any page, takes ink without complaint, and closes with a band that keeps its stretch.',
	'192 pages, dots every 5 mm, 100 g paper\nSewn in sections, cover of linen\nTwo ribbons, a pocket at the back'),
	(10, 'wibble', 'desk', 'Wibble', 'Six pencils', 900, 200, 6,
	'Five colours and a black one. Cedar, so they smell like a workshop; soft leads that do not break when they are dropped, which they will be.',
	'Six pencils of incense cedar\nLeads 4 mm, 2B\nErasers that erase'),
	(11, 'wobble', 'desk', 'Wobble', 'Tape dispenser', 3200, 26, 0,
	'Does not. One and a half kilograms of cast iron on a rubber foot: tape comes off with one hand, and the dispenser stays at home.',
	'Cast iron, enamelled, 1.5 kg\nFor rolls up to 25 mm\nOne roll of paper tape included'),
	(12, 'flob', 'desk', 'Flob', 'Enamel mug', 1500, 90, 7,
	'For coffee, brushes or screws, in this order. Chips where it has been dropped, and looks better for it.',
	'Enamelled steel, 0.4 l\nMay stand on the stove, may go into the dishwasher\nNot for the microwave, which it would win against'),
	(13, 'fred', 'storage', 'Fred', 'Steel toolbox', 6400, 18, 8,
	'A box that one can stand on. Sheet steel, folded and spot-welded, with latches that close with a sound. Fred will be the last toolbox that you buy.',
	'Sheet steel 1 mm, powder-coated, 42 × 20 × 22 cm\nTray that lifts out\nA name plate: write over ours'),
	(14, 'spam', 'storage', 'Spam', 'Three stacking tins', 1600, 85, 0,
	'For nuts, for bolts, and for everything that one did not ask for. They stack, they seal, and they can be told apart in the dark by their rims.',
	'Three tins, 9 cm across, 10 cm high\nLids with a seal\nFood-safe, if it has to be'),
	(15, 'eggs', 'storage', 'Eggs', 'Cabinet of twelve drawers', 4500, 12, 0,
	'Twelve drawers that stop before they fall out. Labels included, also for the drawer where everything else goes.',
	'Steel, 30 × 30 × 16 cm\nStands, hangs, or stacks\nForty labels'),
	(16, 'hoge', 'storage', 'Hoge', 'Canvas tool roll', 5800, 23, 0,
	'Rolls up what you need today. Waxed canvas, five pockets, two straps of bridle leather, and a flap so that nothing leaves on its own.',
	'Waxed cotton canvas, 550 g\nStraps of bridle leather, buckles of brass\n34 × 48 cm, open'),
	(17, 'toto', 'storage', 'Toto', 'Canvas tote', 2900, 70, 0,
	'Carries a plane, a loaf, or both. The handles run all the way round under the bottom, so it is the bag that holds you.',
	'Cotton canvas, 480 g\n38 × 40 cm, 14 cm deep\nCarries 25 kg'),
	(18, 'waldo', 'wear', 'Waldo', 'Striped beanie', 2700, 55, 0,
	'Warm, and easily found in a crowd. Knitted in the round from merino that does not itch.',
	'Merino wool, knitted without seams\nOne size for nearly everyone\nThe bobble can be taken off'),
	(19, 'blarg', 'wear', 'Blarg', 'Work gloves', 2200, 60, 0,
	'Thick where it matters and thin where it helps: one can still pick up a washer. The fingertips are dipped, the cuff is knitted.',
	'Goatskin, fingertips dipped in nitrile\nSizes 8 to 11: tell us in a reply to your receipt\nWashable at 30 °C'),
	(20, 'fuga', 'wear', 'Fuga', 'Shop apron', 4800, 33, 0,
	'Denim in front, leather at the neck, and pockets where hands go by themselves. The straps cross at the back, so the neck carries nothing.',
	'Denim 430 g, straps of leather\nPockets for a pencil, a rule, a phone\nLength 88 cm'),
	(21, 'wubble', 'wear', 'Wubble', 'Safety glasses', 1900, 80, 0,
	'For eyes that one wants to keep. Clear to the edges, soft at the nose, and they fit over other glasses.',
	'Polycarbonate, EN 166 1F\nDo not fog, do not scratch easily\nFit over other glasses'),
	(22, 'zot', 'wear', 'Zot', 'Wool socks', 1600, 0, 0,
	'Thick socks for cold concrete. Heel and toe are double; if they wear through before the boots do, we knit you new ones.',
	'Wool 80 %, polyamide 20 %\nSizes 36 to 47\nBack in autumn');
